"""A model opened on this machine."""

from cxr_edge.models.model import Model


def test_a_model_tells_its_name_and_its_reasons(model: Model) -> None:
    """The tag is the report's ``model`` column; spec and device are those of the runtime."""
    assert model.tag == f"fake@{'ab' * 6}"
    assert model.spec is model.runtime.spec
    assert model.device_why == model.runtime.why
