"""Make the two fonts of printed documents anew, from those of Debian's package fonts-dejavu-core 2.37:

    python portal/data/make_fonts.py /usr/share/fonts/truetype/dejavu

Latin as any civil register may write it (Vietnamese included), Greek, Cyrillic, Armenian, Georgian and the signs of
French typography; neither hinting nor the other 4 000 characters. FONTS.md holds the licence.
"""
import sys
from pathlib import Path

from fontTools import subset

KEPT = ("U+0020-024F,U+0250-036F,U+0370-03FF,U+0400-052F,U+0530-058F,U+10A0-10FF,U+1E00-1EFF,U+2000-206F,U+20AC,U+2116,"
        "U+2122,U+2190-2193,U+25A1,U+2610-2612,U+2713,U+FB00-FB04,U+FFFD")
FILES = {"DejaVuSans.ttf": "sans.ttf", "DejaVuSans-Bold.ttf": "sans-bold.ttf"}


def make(source, target):
    subset.main([str(source), f"--unicodes={KEPT}", "--no-hinting", "--layout-features=kern,mark,mkmk,ccmp",
                 "--drop-tables+=FFTM", "--no-recalc-timestamp", f"--output-file={target}"])


if __name__ == "__main__":
    for original, kept in FILES.items():
        make(Path(sys.argv[1]) / original, Path(__file__).parent / kept)
