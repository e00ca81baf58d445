"""Wallets: read, top up, switch on and off, and their entries."""

from __future__ import annotations

import msgspec

from tallystick.accounts.account import Account
from tallystick.credits.wallet import Wallet, WalletEntry, WalletPatch, WalletTopup, empty_wallet
from tallystick.kernel.document import given
from tallystick.kernel.errors import invalid
from tallystick.kernel.money import Money, exact_in_minor_unit
from tallystick.kernel.paging import PageRequest
from tallystick.kernel.period import in_utc
from tallystick.kernel.scope import Scope
from tallystick.operations.accounts import live_account
from tallystick.operations.answers import Listed
from tallystick.operations.work import Work, command, needs, query
from tallystick.stores.state.wallets import Occasion


@query
def get_wallet(work: Work, account_id: str) -> Wallet:
    """What is in the wallet of an account, and whether it pays invoices."""
    return wallet_of(work, work.state.accounts.get(account_id))


@query
def list_wallet_entries(work: Work, account_id: str, page: PageRequest) -> Listed[WalletEntry]:
    """Page through what came into a wallet and went out of it, newest first."""
    wallet = wallet_of(work, work.state.accounts.get(account_id))
    entries, token = work.state.wallets.page_of_entries(page, wallet)
    return Listed(data=entries, next_token=token)


@needs(Scope.MONEY)
@command
def topup_wallet(work: Work, account_id: str, draft: WalletTopup) -> Wallet:
    """Put money into the wallet of an account; it pays invoices that fall due from now on."""
    account = live_account(work, account_id)
    if draft.topup_amount <= 0:
        raise invalid("topupAmount", f"is {draft.topup_amount:f}, expected more than 0")
    amount = exact_in_minor_unit(draft.topup_amount, account.invoice_currency, "topupAmount")
    put_into_wallet(work, account, amount, Occasion("Top-up"))
    return wallet_of(work, account)


@needs(Scope.MONEY)
@command
def update_wallet(work: Work, account_id: str, patch: WalletPatch) -> Wallet:
    """Say whether the wallet of an account pays invoices, and from when on; what is in it stays."""
    changes = given(patch)
    if not changes:
        raise invalid("", "nothing to change: send status, effectiveFrom, or both")
    if "effective_from" in changes:
        changes["effective_from"] = in_utc(changes["effective_from"], "effectiveFrom")
    wallet = kept_wallet(work, live_account(work, account_id))
    work.state.wallets.set(msgspec.structs.replace(wallet, **changes), work.now)
    return wallet_of(work, work.state.accounts.get(account_id))


def wallet_of(work: Work, account: Account) -> Wallet:
    """The wallet of an account: as it is stored, or as it is before anything happened to it."""
    return work.state.wallets.find(account.id) or empty_wallet(account)


def kept_wallet(work: Work, account: Account) -> Wallet:
    """The wallet of an account, which is there afterwards."""
    if work.state.wallets.find(account.id) is None:
        work.state.wallets.open(empty_wallet(account), work.now)
    return wallet_of(work, account)


def put_into_wallet(work: Work, account: Account, amount: Money, why: Occasion) -> Wallet:
    """Credit the wallet of an account; answers which one that is.

    Raises:
        BillingError: of kind CONFLICT, when more was credited to it than can be counted.
    """
    wallet = kept_wallet(work, account)
    work.state.wallets.credit(wallet, amount, why, work.now, work.ids)
    return wallet
