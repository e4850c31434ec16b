"""
The cost of requests in SharePoint's resource units.

https://learn.microsoft.com/sharepoint/dev/general-development/how-to-avoid-getting-throttled-or-blocked-in-sharepoint-online
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from airflow_provider_drive.protocol.flow import Request

SMALLEST_BUDGET = 1_250
"""Resource units per minute that an app may use in a tenant of up to 1,000 licences."""
_COLLECTION_PATH = re.compile(r"/(?:children|drives|delta|search)(?:\(.*\))?$")
_DELTA_WITH_TOKEN = re.compile(r"/delta\W.*token", re.IGNORECASE)


def resource_units(request: Request) -> int:
    """
    Return the resource units of a request.

    Copy and move are not in Microsoft's table; they are counted as updates. Each request of a batch is
    counted as if it were sent alone. Requests to monitors do not go to Graph, and cost nothing.
    """
    if not request.is_to_graph:
        return 0
    if request.parts:
        return sum(map(resource_units, request.parts))
    is_collection = _COLLECTION_PATH.search(urlsplit(request.url).path) and not _DELTA_WITH_TOKEN.search(
        request.url
    )
    return 1 if request.method == "GET" and not is_collection else 2
