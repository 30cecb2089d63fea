"""Where facts come from: iPage, and Open Library for covers."""
