"""Training of the Keras CNNs; needs the extra ``train``. Nothing at run time imports it."""
