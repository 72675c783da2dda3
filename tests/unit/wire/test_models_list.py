"""What a client may name as `model`."""

import json

from gateway.wire.models_list import models_list


def test_names_are_listed_in_order_and_in_openais_shape() -> None:
    listed = json.loads(models_list(["auto", "gpt-4o"]))
    assert listed["object"] == "list"
    assert [model["id"] for model in listed["data"]] == ["auto", "gpt-4o"]
    assert all(set(model) == {"id", "object", "created", "owned_by"} for model in listed["data"])


def test_no_names_give_an_empty_list() -> None:
    assert json.loads(models_list([]))["data"] == []
