# The compiled core. Public faces: klines.py, book.py, signing.py; nothing else imports this module.
