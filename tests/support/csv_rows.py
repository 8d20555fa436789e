"""Rows of CSV files in every supported form."""

FORMS = [
    ("emotion, Usage, pixels", "{emotion},{part},{pixels}"),
    ("emotion,pixels,Usage,id", "{emotion},{pixels},{part},x"),
    (" Usage ,id,EMOTION, Pixels", "{part},7 12 {emotion},{emotion},{pixels}"),
    ('"emotion","pixels","Usage"', '"{emotion}","{pixels}","{part}"'),
    ("name,emotion,pixels,usage", '"Doe, J. ""x""",{emotion}, {pixels} ,"{part}"'),
    ("emotion,pixels,Usage", " {emotion} , {pixels} , {part} "),
]
