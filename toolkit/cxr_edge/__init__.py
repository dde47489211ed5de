"""Screen folders of chest X-rays for pneumonia. Research use, not a diagnosis.

Importing this package is cheap: it loads no other module.
"""

__version__ = "0.1.0"
