"""What a file to score may hold follows from the models of a request."""

from pydantic import BaseModel, create_model

from tarmac.batch.source import list_field_kinds


class Inner(BaseModel):
    value: int


def test_first_type_of_field_is_its_kind_whatever_follows():
    model = create_model("Row", size=(int | None, None), name=(str | Inner, ...))
    assert list_field_kinds(model) == {"size": "integer", "name": "string"}
