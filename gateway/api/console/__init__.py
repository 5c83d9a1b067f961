"""The console: one page of static files, which asks the public API with the key that it is given.

The page itself is the same for everybody and knows nothing; whoever opens it pastes a caller's key,
which stays in the memory of the page. What that caller may not do, the console cannot do either.

page            the files, and the policy under which a browser runs them
static          the page: no build step, no framework, nothing from another host
  app           the way in, the panels and the way between them
  gateway       the API, and the key
  dom           elements made of data
  exact         JSON whose numbers keep their digits
  parts         what several panels show alike
  translate     a panel, with
    operations    what can be translated, and what is asked for it
    abouts        which opportunities are meant
    editor        a text field that knows places and words
    places        where a pointer points in a text of JSON, and at what the caret stands
    vocabulary    what may stand there: from the OpenAPI document and the catalogues
    translation   what comes of it
    programs      a call as curl, Python and TypeScript
  vendors       a panel
  connections   a panel
  writes        a panel
  opportunities a panel, with
    board         columns and cards, and how a card is picked up and put down
    moves         the PATCH of a move, and what is told where it does not come off
"""
