"""Images of a DICOMweb server (QIDO-RS and WADO-RS, PS3.18), as a tree of files."""
