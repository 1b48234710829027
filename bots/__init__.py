"""The platforms. Each folder translates for one platform and knows no other."""
