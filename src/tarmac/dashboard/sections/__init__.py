"""One module a section of the page: from what is known to a `Section`, without reading anything itself."""
