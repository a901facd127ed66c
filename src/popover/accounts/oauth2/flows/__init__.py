"""How a person signs in, once: device.py, browser.py, paste.py (how the code comes), sign_in.py (what is done with it);
sign_out.py: how that ends.

All of it blocks: a person is waited for at a terminal.
"""
