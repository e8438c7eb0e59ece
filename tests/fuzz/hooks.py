"""What the fuzz run needs of the domain: a plant's story to ask about, and tenants that may end.

Everything here makes requests more real; nothing decides whether an answer is right.
"""

import atexit
import itertools
import json
import os
import re
import subprocess
import urllib.error
import urllib.parse
import urllib.request
import uuid

import schemathesis

URL = os.environ["FUZZ_URL"]
PROGRAM = os.environ["FUZZ_PROGRAM"]
DATA = os.environ["FUZZ_DATA"]
STORY = os.environ["FUZZ_STORY"]
UNASKED = os.environ["FUZZ_UNASKED"]

# Operations that end or bar what all others need: each group is asked for a tenant of its own.
OWN_TENANT = {
    "POST /v1/tenant/close": "fuzz-closed",
    "POST /v1/tenant/suspend": "fuzz-suspended",
    "POST /v1/tenant/reactivate": "fuzz-suspended",
}


def issue(tenant):
    command = [PROGRAM, "token", "--tenant", tenant, "--data", DATA]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()


def send(token, method, path, body):
    data = None if body is None else json.dumps(body).encode()
    headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}
    request = urllib.request.Request(URL + path, data=data, headers=headers, method=method)
    try:
        with urllib.request.urlopen(request, timeout=30) as answer:
            return json.load(answer)
    except urllib.error.HTTPError as refused:
        raise SystemExit(f"the story cannot be told: {method} {path}: {refused.read().decode()}") from refused


def filled(path, parameters):
    for name, value in parameters.items():
        path = path.replace("{%s}" % name, urllib.parse.quote(str(value), safe=""))
    return path


def ids_of(value, found):
    """Every id that a body names, by the name of its field."""
    if isinstance(value, dict):
        for name, inner in value.items():
            for one in inner if isinstance(inner, list) else [inner]:
                if is_id(one) and name != "id":
                    found.setdefault(name, []).append(one)
            ids_of(inner, found)
    elif isinstance(value, list):
        for inner in value:
            ids_of(inner, found)


def is_id(text):
    try:
        return isinstance(text, str) and str(uuid.UUID(text)) == text
    except ValueError:
        return False


def tell_story():
    """Sends the writes of the documented examples, so that there is something to ask about."""
    in_paths, in_bodies, position = {}, {}, 0
    with open(STORY, encoding="utf-8") as story:
        exchanges = json.load(story)
    for exchange in exchanges:
        operation, parameters = exchange["operation"], exchange.get("parameters", {})
        method, path = operation.split(" ")
        for name in parameters:
            if "{%s}" % name in path:
                in_paths.setdefault(operation, []).append({name: parameters[name]})
        ids_of(exchange.get("body"), in_bodies)
        if "body" not in exchange or "shown_only" in exchange or operation in OWN_TENANT:
            continue
        answer = send(TOKEN, method, filled(path, parameters), exchange["body"])
        position = max(position, answer.get("position", 0))
    return in_paths, in_bodies, position


TOKEN = issue("fuzz")
OWN_TOKENS = {tenant: issue(tenant) for tenant in set(OWN_TENANT.values())}
for own in OWN_TOKENS.values():
    send(own, "PUT", "/v1/tenant", {"name": "A tenant that ends"})
IN_PATHS, IN_BODIES, POSITION = tell_story()


@schemathesis.auth(refresh_interval=None)
class Tokens:
    """A token of every permission, of the tenant that the operation is asked of."""

    def get(self, case, context):
        return OWN_TOKENS.get(OWN_TENANT.get(case.operation.label), TOKEN)

    def set(self, case, data, context):
        case.headers["Authorization"] = f"Bearer {data}"


def chosen(text):
    """Whether something that exists takes the place of a made-up id: of every other one."""
    return is_id(text) and uuid.UUID(text).int % 2 == 0


@schemathesis.hook
def map_path_parameters(context, path_parameters):
    for known in IN_PATHS.get(context.operation.label, []):
        for name, value in known.items():
            if path_parameters and chosen(path_parameters.get(name)):
                path_parameters[name] = value
    return path_parameters


def with_known_ids(value, name=None):
    if isinstance(value, dict):
        return {key: with_known_ids(inner, key) for key, inner in value.items()}
    if isinstance(value, list):
        return [with_known_ids(inner, name) for inner in value]
    known = IN_BODIES.get(name)
    if known and chosen(value):
        return known[uuid.UUID(value).int // 2 % len(known)]
    return value


@schemathesis.hook
def map_body(context, body):
    return with_known_ids(body)


@schemathesis.hook
def filter_case(context, case):
    # Whoever passes a request on may add headers: one that nobody knows is no defect of the request.
    return not any(name.lower().startswith("x-schemathesis") for name in case.headers or ())


# Points in time that several operations ask for.
POINTS = ("as_of", "known_at", "from", "to", "after")
# As `ETag` gives it.
VERSIONS = re.compile(r'\*|"\d+"( *, *"\d+")*')
CALLS = itertools.count()


def within_log(value):
    """Whether a position, or an example of a time, may stand: the log has no other positions."""
    text = str(value)
    return not (text.isdigit() and int(text) > POSITION) and text != "2026-05-04T12:00:00Z"


def made_real(value, number):
    """A body that can happen besides the story: new ids and numbers of its own, and a lot of one thing."""
    if isinstance(value, list):
        return [made_real(inner, number) for inner in value]
    if not isinstance(value, dict):
        return value
    value = {name: made_real(inner, number) for name, inner in value.items()}
    for name in ("id", "batch_id") if "batch_number" in value else ("id",):
        if is_id(value.get(name)):
            value[name] = str(uuid.uuid5(uuid.UUID(value[name]), str(number)))
    if isinstance(value.get("batch_number"), str) and value["batch_number"].startswith(("F-", "PDC-")):
        value["batch_number"] += f"/{number}"
    if "ingredient_id" in value and value.get("product_id"):
        del value["product_id" if number % 2 else "ingredient_id"]
    return value


@schemathesis.hook
def before_call(context, case, kwargs):
    number = next(CALLS)
    headers = case.headers
    if headers:
        # A position that the log does not have would be waited for, and then be refused as documented, with 504.
        if "After" in headers and str(headers["After"]).isdigit() and not within_log(headers["After"]):
            headers["After"] = str(POSITION)
        # The same key and the same version each time would be refused each time, and nothing else be seen.
        if headers.get("Idempotency-Key") == "0199aa11-0000-7000-8000-00000000c0de" and number % 4:
            headers["Idempotency-Key"] = f"fuzz-{number}"
        if VERSIONS.fullmatch(str(headers.get("If-Match", ""))) and number % 4:
            del headers["If-Match"]
    if isinstance(case.body, dict) and number % 4:
        restated = case.body.get("restated")
        case.body = made_real(case.body, number)
        if isinstance(restated, dict):
            # A correction keeps what it corrects.
            case.body["restated"] = restated
    for name in POINTS:
        if case.query and name in case.query and not within_log(case.query[name]) and number % 4:
            case.query[name] = number % (POSITION + 1)


OPERATIONS, ASKED, SUCCEEDED = set(), set(), set()


@schemathesis.hook
def after_load_schema(context, schema):
    for path, item in schema.raw_schema["paths"].items():
        OPERATIONS.update(f"{method.upper()} {path}" for method in item)
    # The document was asked for to get here.
    OPERATIONS.discard("GET /v1/openapi.json")


@schemathesis.hook
def after_call(context, case, response):
    ASKED.add(case.operation.label)
    if response.status_code < 300:
        SUCCEEDED.add(case.operation.label)


@atexit.register
def tell_what_was_asked():
    never = sorted(OPERATIONS - SUCCEEDED)
    print(f"{len(ASKED)} of {len(OPERATIONS)} operations were asked; without a success: {', '.join(never) or 'none'}")
    if OPERATIONS:
        with open(UNASKED, "w", encoding="utf-8") as file:
            file.writelines(f"{label}\n" for label in sorted(OPERATIONS - ASKED))
