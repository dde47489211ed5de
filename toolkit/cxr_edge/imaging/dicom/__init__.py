"""DICOM files to gray images."""
