"""From DICOM files to gray images."""
