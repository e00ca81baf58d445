r"""The payloads of the help article "Creating Billable Items", as it prints them."""

from __future__ import annotations

from typing import Final

METER: Final = r"""{
"name": "Rides",
"description": "Cab rides",
"type": "COUNTER",
"aggregation": "SUM",
"eventSchemaName": "evfhr123d",
"computations": [
{
"matcher": "{\n \"and\": [\n {\"in\": [{\"var\": \"dimension.city\"}, \"chennai\", \"mumbai\"]},\n \"or\": [\n {\">\": [{\"var\": \"attribute.distance\"}, 100]},\n {\"<\": [{\"var\": \"attribute.distance\"}, 20]}\n ]\n ]\n}\n",
"computation": {
"*": [
{
"var": "attributes.distance"
},
0.4
]
}
}
]
}
"""  # noqa: E501 - printed like this

ADD_ON: Final = '{"type":"LICENSE"}'

FEATURE: Final = """{
"name": "DiscountCredits",
"description": "Discount Credits feature",
"schemaAssocitions": [
"event_schema1",
"event_schema2"
]
}
"""

REPAIRED_METER: Final = METER.replace(r"\"or\": [", r"{\"or\": [").replace(r"20]}\n ]\n", r"20]}\n ]}\n")
"""The meter with the one repair that the refusal asks for."""
