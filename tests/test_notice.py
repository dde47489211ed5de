"""The research-use notice."""

from dataclasses import replace

from cxr_edge.models.locate import default_package, package_spec
from cxr_edge.notice import CAUTION
from cxr_edge.spec.model_spec import ModelSpec


def test_the_notice_speaks_of_the_model_in_use(spec: ModelSpec) -> None:
    """It says what is known of the training set: a description, a count of images, or nothing."""
    default = package_spec(default_package())
    assert "The model cxr-twin was trained on: paediatric X-rays of one hospital" in default.notice
    assert default.provenance is not None
    other = replace(default.provenance, data="adult films of two wards", data_sha256="0" * 64)
    assert "model fake was trained on: adult films of two wards. Models trained on one" in (
        replace(spec, provenance=other).notice
    )
    for undescribed in (replace(other, data="not stated"), replace(other, data="")):
        text = replace(spec, provenance=undescribed).notice
        count = f"{other.training_films} images that are not described."
        assert f"The model fake was trained on {count}" in text
        assert "paediatric" not in text
    assert "It is not known what the model fake was trained on." in (
        replace(spec, provenance=None).notice
    )
    assert "\x1b" not in replace(spec, provenance=replace(other, data="a\x1b[31m")).notice


def test_the_measured_fall_is_stated_of_any_model(spec: ModelSpec) -> None:
    """Whatever is known of the training set, the notice ends with the fall on other images."""
    default = package_spec(default_package())
    assert default.provenance is not None
    assert default.notice.endswith(CAUTION)
    drawn = replace(default.provenance, data="own drawings.", data_sha256="0" * 64)
    for provenance in (None, drawn, replace(drawn, data="not stated")):
        text = replace(spec, provenance=provenance).notice
        assert text.endswith(f" {CAUTION}")
        assert ".." not in text
