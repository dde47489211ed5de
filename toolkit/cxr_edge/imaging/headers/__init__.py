"""Headers of raster files, read without decoding a pixel."""
