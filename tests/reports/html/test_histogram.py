"""The histogram of a page."""

from cxr_edge.reports.html.histogram import HEIGHT, WIDTH, histogram


def test_one_image_is_seen_beside_ten_thousand() -> None:
    """Each bin that is not empty has a bar of some height, and the highest fills the plot."""
    found = histogram([10_000, 1, 0, 0], [0, 0, 0, 30], 0.75)
    heights = [bar.height for bar in found.bars]
    assert len(heights) == 3
    assert heights[0] == HEIGHT
    assert min(heights) > 5
    assert found.threshold == 0.75 * WIDTH
    assert [tick.text for tick in found.ticks] == ["1", "10", "100", "1,000", "10,000"]


def test_a_bin_with_the_threshold_in_it_has_two_bars() -> None:
    """Those over the threshold stand on the others."""
    below, above = histogram([0, 3], [0, 5], 0.7).bars
    assert (below.above, above.above) == (False, True)
    assert above.y + above.height == below.y
    assert "5 with a probability from 0.50 to 1.00" in above.text


def test_without_images_there_is_nothing_to_draw() -> None:
    """An empty report has a page too."""
    found = histogram([0, 0], [0, 0], None)
    assert (found.bars, found.threshold) == ([], None)
