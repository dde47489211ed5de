"""The research-use notice."""

from dataclasses import replace

from cxr_edge.models.locate import default_package, package_spec
from cxr_edge.spec.model_spec import ModelSpec


def test_the_notice_speaks_of_the_model_in_use(spec: ModelSpec) -> None:
    """It says what is known of the training set, or that nothing is."""
    default = package_spec(default_package())
    assert "model cxr-lite0 was trained on paediatric images of one hospital;" in default.notice
    assert default.provenance is not None
    other = replace(default.provenance, data="adult films of two wards", data_sha256="0" * 64)
    assert "model fake was trained on: adult films of two wards;" in (
        replace(spec, provenance=other).notice
    )
    for unknown in (None, replace(other, data="not stated"), replace(other, data="")):
        text = replace(spec, provenance=unknown).notice
        assert "It is not known what the model fake was trained on;" in text
        assert "paediatric" not in text
    assert "\x1b" not in replace(spec, provenance=replace(other, data="a\x1b[31m")).notice
