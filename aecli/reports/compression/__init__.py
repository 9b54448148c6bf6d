"""The compression of a data set by models, compared with other codecs."""
