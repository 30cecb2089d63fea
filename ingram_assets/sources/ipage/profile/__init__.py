"""What is believed of the site: addresses and words, out of `site.toml`, in the forms that readers go by."""
