"""Reduces messages of errors to what failures of one kind share.

In the order in which a message passes through them:

* `normalise`: calls the others. It decides about a value after a colon, an address after an errno, a singular.
* `blocks`: removes colours, pages, stacks, excerpts of code and logs.
* `objects`: reduces JSON and printed objects.
* `sentences`: sentences of single libraries. A rule for one message belongs here.
* `names`: names of people, companies and buckets without quotes.
* `specimens`: one message in place of those that differ in long numbers alone.
* `tokens`: everything that has a shape: URLs, times, addresses, paths, ids. It asks `quotes` about quoted text and
  `numbers` about numbers and codes.
* `identity`: whether a word is an id. It asks `letters` whether its letters can be those of a word.
* `joining`: joins lines and placeholders.
* `likeness`: the text by which errors are grouped.

The words on which they decide stand in `vocabulary`.
"""
