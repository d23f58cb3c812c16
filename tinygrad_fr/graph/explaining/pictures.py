def pictures(found):
    return ""
