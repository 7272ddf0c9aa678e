"""What Schemathesis cannot know: which ids are somebody's."""

import itertools
import json
import os
import uuid

import schemathesis

IDS = json.loads(os.environ["DOMU_IDS"])
turns = itertools.count()


@schemathesis.hook
def before_call(context, case, kwargs):
    """Two of three times a well-formed id becomes one that is there: a random one ends at the first door."""
    del context, kwargs
    real = IDS.get(case.operation.path.split("/")[2])
    if real and is_id((case.path_parameters or {}).get("id")) and next(turns) % 3:
        case.path_parameters["id"] = real
    if "chats" in IDS and isinstance(case.body, dict) and is_id(case.body.get("chat_id")) and next(turns) % 3:
        case.body["chat_id"] = IDS["chats"]
        case.body.pop("reply_to", None)


def is_id(text):
    """Whether it is an id as the server writes them."""
    try:
        return isinstance(text, str) and len(text) == 36 and bool(uuid.UUID(text))
    except ValueError:
        return False
