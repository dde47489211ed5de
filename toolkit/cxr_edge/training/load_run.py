"""Images and teachers of a run, checked before what takes long and then loaded."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from cxr_edge.datasets.listing import find_classes, list_training_images, list_unlabelled
from cxr_edge.training.config import Distillation, FitConfig
from cxr_edge.training.run_folder import check_run_folder
from cxr_edge.training.teachers import Teachers
from cxr_edge.training.training_data import TrainingData, add_unlabelled, load_training_data


def load_run(
    data: Path,
    out: Path,
    config: FitConfig,
    distillation: Distillation,
    *,
    positive: str,
    styles: Path | None = None,
    resume: bool,
    skip_unreadable: bool,
    say: Callable[[str], None],
) -> TrainingData:
    """List all images, open the teachers, check the run folder, and only then load the images."""
    distillation.require_loss(config)
    classes = find_classes(data, positive)
    listed = list_training_images(data, classes)
    unlabelled = list_unlabelled(distillation.unlabelled) if distillation.unlabelled else []
    teachers = None
    if distillation.teachers:
        teachers = Teachers.open(distillation.teachers, classes, distillation.weight)
    check_run_folder(out, resume=resume)
    images = load_training_data(
        listed, classes, config, styles=styles, skip_unreadable=skip_unreadable, say=say
    )
    if teachers:
        images = with_teachers(images, teachers, config, say)
        for overlap in images.teacher_overlap:
            say(
                f"warning: the figures of this run may be too good: {overlap}; evaluate on other "
                "images, or name a teacher that was trained with the same split"
            )
    if unlabelled:
        images = add_unlabelled(
            images, unlabelled, config, skip_unreadable=skip_unreadable, say=say
        )
    return images


def with_teachers(
    images: TrainingData, teachers: Teachers, config: FitConfig, say: Callable[[str], None]
) -> TrainingData:
    """Add the teachers of a run, and what they have seen of its images; errors as theirs."""
    teachers.probabilities(images.images.pixels[:1])  # tell what is wrong before an epoch
    say(f"teachers: {', '.join(model.tag for model in teachers.models)}")
    judged = images.validation if config.holds_out else images.images
    overlap = teachers.overlap(judged, fold_by_fold=not config.holds_out)
    return replace(images, teachers=teachers, teacher_overlap=overlap)
