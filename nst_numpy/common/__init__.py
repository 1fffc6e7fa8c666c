"""What every room uses: names for arrays, checks of numbers, tables of text, former names."""
