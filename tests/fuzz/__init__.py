"""Files that no person wrote: a fuzzer's, and how the readers take them."""
