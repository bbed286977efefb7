"""The page in Firefox and WebKit, on its main walks, driven by WebDriver; session `engines` finds the programs."""
