-- What the demo's invoices must come to, in plain SQL over the flights and in exact decimals.
-- Written from the offer's terms and domain.md 1.9, 4.4, 4.7, 6.1 and 7.4; it shares nothing with the engine.
--
--   miles        0.012 to 100,000, 0.009 to 1,100,000, 0.0075 beyond; each slab rounded to the cent
--   departures   45.00 for each started 100 from JFK
--   fee          250.00 a month
--   commitment   at least 1,500.00 a month, before credits
--   credit       25,000.00 for VX, used by the oldest invoices first
--
-- Flights without an air time are not billed. A carrier that flies nothing in a month is billed all the same.
with usage as (
    select carriers.carrier,
           months.month,
           count(flights.carrier) as flights,
           coalesce(sum(flights.distance), 0)::decimal(18, 0) as miles,
           count(*) filter (flights.origin = 'JFK')::decimal(18, 0) as departures
    from (select distinct carrier from read_parquet($data)) as carriers
    cross join (select unnest(range(1, $months + 1)) as month) as months
    left join read_parquet($data) as flights
           on flights.carrier = carriers.carrier
          and month(flights.departs_at) = months.month
          and flights.air_time is not null
    group by all
),
charges as (
    select *,
           round(least(miles, 100000) * 0.012::decimal(6, 4), 2)
         + round(greatest(least(miles, 1100000) - 100000, 0) * 0.009::decimal(6, 4), 2)
         + round(greatest(miles - 1100000, 0) * 0.0075::decimal(6, 4), 2) as miles_amount,
           (departures::bigint + 99) // 100 * 45.00::decimal(9, 2) as departures_amount,
           250.00::decimal(9, 2) as fee
    from usage
),
plans as (
    select *, greatest(miles_amount + departures_amount + fee, 1500.00::decimal(9, 2)) as charged
    from charges
),
credited as (
    select *,
           coalesce(
               sum(charged) over (
                   partition by carrier order by month rows between unbounded preceding and 1 preceding
               ),
               0
           ) as charged_before,
           case carrier when 'VX' then 25000.00::decimal(9, 2) else 0 end as granted
    from plans
)
select carrier,
       month,
       flights,
       miles,
       departures,
       charged,
       least(charged, greatest(granted - charged_before, 0)) as credit,
       charged - least(charged, greatest(granted - charged_before, 0)) as to_pay
from credited
order by month, carrier
