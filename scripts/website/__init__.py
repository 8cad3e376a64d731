"""What becomes the documentation's site: pages that are written from the source, drawings, and MkDocs' hooks."""
