"""The pages for people: the reference, the guides and the problems, without a framework.

Everything that a page loads lies beside it in this folder: what it asks of another host is nothing,
and what stands in it as a script or a style is nothing either.

markup        HTML that is made of escaped text
page          the frame of a page, and what it loads
shapes        JSON schemas in words
reference     the OpenAPI document as one page
guides        the guides, and the calls that they show
remedies      when a problem comes, and what to do about it
problem_page  the page behind a problem's type
"""
