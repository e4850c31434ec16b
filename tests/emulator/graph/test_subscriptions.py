import datetime as dt
import json
import queue
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit

import pytest


@pytest.fixture
def listener():
    """A server that echoes validation tokens, and puts notifications into its queue."""
    received = queue.Queue()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self):
            body = self.rfile.read(int(self.headers["Content-Length"]))
            token = parse_qs(urlsplit(self.path).query).get("validationToken")
            if token is None:
                received.put(json.loads(body)["value"][0])
            answer = token[0].encode() if token and "deaf" not in self.path else b""
            self.send_response(200)
            self.send_header("Content-Length", str(len(answer)))
            self.end_headers()
            self.wfile.write(answer)

        def log_message(self, *_):
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.received = received
    server.url = f"http://127.0.0.1:{server.server_port}/"
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


def hours(number):
    return (dt.datetime.now(dt.UTC) + dt.timedelta(hours=number)).isoformat()


@pytest.fixture
def subscribe(graph, legal, listener):
    def send(**changes):
        body = {
            "changeType": "updated",
            "notificationUrl": listener.url,
            "resource": f"drives/{legal.id}/root",
            "expirationDateTime": hours(1),
            "clientState": "secret",
        }
        return graph("POST", "subscriptions", json=body | changes)

    return send


def test_a_change_is_notified(graph, legal, subscribe, listener):
    subscription = subscribe().json()
    legal.put("a.txt")
    notification = listener.received.get(timeout=10)
    assert notification["subscriptionId"] == subscription["id"]
    assert (notification["clientState"], notification["resource"]) == ("secret", f"drives/{legal.id}/root")


def test_a_subscription_is_listed_renewed_and_deleted(graph, legal, subscribe, listener):
    subscription = subscribe().json()
    path = f"subscriptions/{subscription['id']}"
    assert [each["id"] for each in graph.get("subscriptions").json()["value"]] == [subscription["id"]]
    renewed = graph("PATCH", path, json={"expirationDateTime": hours(48)}).json()
    assert renewed["expirationDateTime"] > subscription["expirationDateTime"]
    assert graph("DELETE", path).status_code == 204
    assert graph.get(path).status_code == 404
    legal.put("a.txt")
    assert listener.received.empty()


def test_a_subscription_expires(graph, tenant, subscribe):
    path = f"subscriptions/{subscribe(expirationDateTime=hours(0.1)).json()['id']}"
    tenant.clock_offset = 44 * 60  # shorter ones are extended to 45 minutes
    assert graph.get(path).status_code == 200
    tenant.clock_offset = 46 * 60
    assert graph.get(path).status_code == 404


def test_a_subscription_that_has_expired_is_not_notified(tenant, legal, subscribe, listener):
    subscribe(expirationDateTime=hours(0.1))
    current = subscribe(expirationDateTime=hours(10)).json()["id"]
    tenant.clock_offset = 46 * 60
    for name in ("a.txt", "b.txt", "c.txt"):
        legal.put(name)
        assert listener.received.get(timeout=10)["subscriptionId"] == current


@pytest.mark.parametrize(
    "changes",
    [
        {"changeType": "created"},
        {"notificationUrl": "https://example.org/"},
        {"notificationUrl": "http://127.0.0.1:9/"},
        {"resource": "drives/nope/root"},
        {"expirationDateTime": "soon"},
        {"expirationDateTime": hours(-1)},
        {"expirationDateTime": hours(24 * 31)},
        {"clientState": "x" * 129},
    ],
)
def test_an_invalid_subscription_is_refused(subscribe, tenant, changes):
    assert subscribe(**changes).status_code in {400, 404}
    assert tenant.subscriptions == {}


def test_a_url_that_does_not_echo_the_token_is_refused(subscribe, listener):
    response = subscribe(notificationUrl=f"{listener.url}deaf")
    assert (response.status_code, response.json()["error"]["code"]) == (400, "ValidationError")


@pytest.mark.parametrize("url", ["http://localhost:abc/", "http://localhost:1/a b", "http://127.0.0.1:1/\r"])
def test_a_notification_url_that_is_not_valid_is_refused(subscribe, url):
    assert subscribe(notificationUrl=url).status_code == 400


def test_subscriptions_are_listed_with_the_properties_that_are_selected(graph, subscribe):
    own = subscribe().json()["id"]
    assert graph.get("subscriptions?$select=id").json()["value"] == [{"id": own}]
