"""
What requests cost.

https://learn.microsoft.com/sharepoint/dev/general-development/how-to-avoid-getting-throttled-or-blocked-in-sharepoint-online
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from airflow_provider_drive.protocol.flow import Request

SMALLEST_BUDGET = 1_250
"""Resource units that an app may spend in a minute in a tenant of up to a thousand licences."""
_LIST = re.compile(r"/(?:children|drives|delta|search)(?:\(.*\))?$")
_GOES_ON = re.compile(r"/delta\W.*token", re.IGNORECASE)


def resource_units(request: Request) -> int:
    """
    Return the resource units of a request.

    Copy and move are not in Microsoft's table; they count as what they are, updates. In a batch each request
    is charged as if it were alone. A monitor is not Graph, and costs none.
    """
    if not request.is_to_graph:
        return 0
    if request.parts:
        return sum(map(resource_units, request.parts))
    is_list = _LIST.search(urlsplit(request.url).path) and not _GOES_ON.search(request.url)
    return 1 if request.method == "GET" and not is_list else 2
