"""What Schemathesis cannot know: which ids are somebody's, and which requests would end the session it asks in."""

import itertools
import json
import os
import uuid

import schemathesis

ROLE = json.loads(os.environ["DOMU_ROLE"])
turns = itertools.count()


@schemathesis.hook
def before_call(context, case, kwargs):
    """Two of three times a well-formed id becomes one that is there: a random one ends at the first door."""
    del context
    id_ = (case.path_parameters or {}).get("id")
    real = ROLE["ids"].get(case.operation.path.split("/")[2])
    if real and is_id(id_) and next(turns) % 3:
        case.path_parameters["id"] = real
    if case.operation.path == "/api/chat/send" and isinstance(case.body, dict) and "chats" in ROLE["ids"]:
        if is_id(case.body.get("chat_id")) and next(turns) % 3:
            case.body["chat_id"] = ROLE["ids"]["chats"]
            case.body.pop("reply_to", None)
    # The asking session has to live on; another one ends in its place.
    if case.operation.path == "/api/auth/sign-out" and ROLE["spare"]:
        kwargs["headers"] = {"authorization": f"Bearer {ROLE['spare'][next(turns) % len(ROLE['spare'])]}"}


def is_id(text):
    """Whether it is an id as the server writes them."""
    try:
        return isinstance(text, str) and len(text) == 36 and bool(uuid.UUID(text))
    except ValueError:
        return False
