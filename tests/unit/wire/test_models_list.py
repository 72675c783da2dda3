"""What a client may name as `model`."""

import json
from datetime import datetime

from gateway.wire.models_list import CREATED_AT, CREATED_S, models_list, one_model


def test_names_are_listed_in_order_and_in_both_shapes() -> None:
    listed = json.loads(models_list(["auto", "gpt-4o"]))
    assert listed["object"] == "list"
    assert [model["id"] for model in listed["data"]] == ["auto", "gpt-4o"]
    assert (listed["first_id"], listed["last_id"], listed["has_more"]) == ("auto", "gpt-4o", False)
    openai, anthropic = {"id", "object", "created", "owned_by"}, {"id", "type", "display_name", "created_at"}
    assert all(set(model) == openai | anthropic for model in listed["data"])


def test_no_names_give_an_empty_list() -> None:
    listed = json.loads(models_list([]))
    assert listed["data"] == []
    assert listed["first_id"] is listed["last_id"] is None


def test_both_times_are_the_same() -> None:
    assert datetime.fromisoformat(CREATED_AT).timestamp() == CREATED_S


def test_a_model_is_described_as_the_list_does() -> None:
    assert json.loads(one_model("auto")) == json.loads(models_list(["auto"]))["data"][0]
