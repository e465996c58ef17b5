# SPDX-License-Identifier: Apache-2.0
"""Scenes of content for bench/detect: files that run, lie or are malware, recordings, and data that should not leave; among
ordinary files, and numbers that only look like such data. Files go by DCC between desks of one house."""
import hashlib, io, struct, zipfile, zlib
from clamd import EICAR
from talk import Scene, Talk
from traffic import FIRST, LAST, NINE, TALK, address

PE = b"MZ" + struct.pack("<29HI", *([0x90, 3, 0, 4, 0, 0xffff, 0, 0xb8, 0, 0, 0, 0x40] + [0] * 17), 0x80) + bytes(64) + \
     b"PE\0\0" + struct.pack("<HHIIIHH", 0x8664, 1, 0x65000000, 0, 0, 0xf0, 0x22) + struct.pack("<HBBIIIII", 0x20b, 14, 0, 512, 0, 0, 0x1000, 0x1000)
PE += bytes(1024 - len(PE) % 1024)
PDF = b"%PDF-1.4\n1 0 obj\n<< /Type /Catalog >>\nendobj\ntrailer\n<< /Root 1 0 R >>\n%%EOF\n"
PNG = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\0\1\0\0\0\1\0\x08\2\0\0\0" + struct.pack("!I", zlib.crc32(b"IHDR\0\0\1\0\0\0\1\0\x08\2\0\0\0"))
JPEG = b"\xff\xd8\xff\xe0\0\x10JFIF\0\1\1\0\0\1\0\1\0\0"


def zipped(members):
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as z:
        for name, data in members.items():
            z.writestr(zipfile.ZipInfo(name, (2026, 1, 5, 9, 0, 0)), data)
    return out.getvalue()


def locked(data):
    """The same archive, its members said to be encrypted."""
    data = bytearray(data)
    for mark, at in ((b"PK\3\4", 6), (b"PK\1\2", 8)):
        place = data.find(mark)
        while place >= 0:
            data[place + at] |= 1
            place = data.find(mark, place + 4)
    return bytes(data)


def docx(lines):
    text = "".join(f"<w:p><w:r><w:t xml:space='preserve'>{line}</w:t></w:r></w:p>" for line in lines)
    return zipped({"[Content_Types].xml": "<?xml version='1.0'?><Types xmlns='http://schemas.openxmlformats.org/package/2006/content-types'>"
                   "<Default Extension='xml' ContentType='application/xml'/><Override PartName='/word/document.xml' "
                   "ContentType='application/vnd.openxmlformats-officedocument.wordprocessingml.document.main+xml'/></Types>",
                   "word/document.xml": "<?xml version='1.0'?><w:document xmlns:w='http://schemas.openxmlformats.org/wordprocessingml/2006/main'>"
                   f"<w:body>{text}</w:body></w:document>"})


class House(Scene):
    """Desks of one house and a server of its own: nothing of it goes outside."""
    def __init__(self, seed):
        super().__init__(seed)
        self.server = self.inside()

    def desk(self):
        return Talk(self, "irc", NINE + self.r.random() * 3000, client=self.inside(), server=self.server)

    def send(self, name, data):
        """A file from one desk to another; gives its sender."""
        a, b, port = self.desk(), self.inside(), self.r.randint(1024, 60000)
        shown = f'"{name}"' if " " in name else name
        offer = f"\1DCC SEND {shown} {struct.unpack('!I', address(a.client))[0]} {port} {len(data)}\1"
        a.flow.send(">", a.words(">", offer), a.flow.last + 1)
        f = self.flow(b, a.client, port, a.flow.last + 1)
        f.send("<", data, f.last + .1)
        f.send(">", struct.pack("!I", len(data)), f.last + .01)
        f.close(f.last + .5)
        return a.account


def word(r):
    return r.choice("budget minutes offer invoice report holiday team plan contract notes summary review draft photo letter list".split())


# ---- file-names and media ----

def files(seed, each):
    s = House(seed)
    r, t = s.r, s.truth
    program, script = ["exe", "scr", "com", "pif", "cpl"], ["vbs", "js", "bat", "cmd", "ps1", "hta", "wsf", "lnk"]
    paper = {"pdf": PDF, "docx": docx(["hello"]), "xlsx": docx(["1"]), "jpg": JPEG + bytes(2000), "png": PNG + bytes(900), "txt": b"hello\n" * 40}

    def name(tail):
        return f"{word(r)}{s.number}{tail}"                  # of which each desk has its own

    def bad(file, data, kind):
        s.send(file, data)
        t.incident("file-names", file=file.split("\u202e")[0], kind=kind)

    for _ in range(each):
        ext = r.choice(program + script)
        body = PE if ext in program else b"WScript.Echo 1\r\n" * 20
        bad(name(f".{r.choice(sorted(paper))}.{ext}"), body, 5600)
        bad(name(f"{r.choice(['_fdp', 'gpj', 'xslx'])}\u202e{r.choice(['fdp', 'gpj'])}.{r.choice(program)}"), PE, 5600)
        bad(name(f"{r.choice(['', '.pdf', '.jpg'])}{' ' * r.randint(12, 80)}.{r.choice(program)}"), PE, 5600)
        bad(name(f".{r.choice(['jpg', 'pdf', 'docx', 'mp3', 'png', 'xls'])}"), PE, 5601)
        bad(name(f".{r.choice(program + script + ['msi', 'jar'])}"), body if ext in program else b"echo 1\r\n" * 20, 5602)
        bad(name(r.choice(["", ".bin", ".dat", ".upd"])), PE, 5602)
        inner = {f"read me.txt": b"open it", f"{word(r)}.{r.choice(program + ['js', 'vbs'])}": PE}
        bad(name(".zip"), zipped(inner), 5603)
        bad(name(".zip"), zipped({f"{word(r)}.pdf.exe": PE}), 5600)
        bad(name(".zip"), locked(zipped({"list.xlsx": b"x" * 500, "more.txt": b"y" * 400})), 5604)
        for tail, data in ((".v2.pdf", PDF), (".2026-01.docx", paper["docx"]), (".final.xlsx", paper["xlsx"]), (".tar.gz", zlib.compress(b"x" * 4000)),
                           (".doc.pdf", PDF), (".xlsx.zip", zipped({"list.xlsx": paper["xlsx"]})), (".zip", zipped({"a.pdf": PDF, "b.v3.docx": paper["docx"]})),
                           (" no. 5.exe.txt", b"how to install it\n" * 9), (" (1).jpg", JPEG + bytes(5000)), (".csv", b"a,b\n1,2\n" * 50),
                           (" of www.shop.example.html", b"<html><body>hello</body></html>"), (".pdf.p7s", r.randbytes(900)), (".com - offer.pdf", PDF),
                           ("  two  spaces.txt", b"x\n" * 9), (".py", b"print(1)\n" * 20)):
            s.send(name(tail), data)
    return s.result()


def recordings(seed, each):
    s = House(seed)
    r, t = s.r, s.truth
    forms = {"mp3": b"ID3\3\0\0\0\0\0\0" + b"\xff\xfb\x90\x64", "mp4": b"\0\0\0\x20ftypisom\0\0\2\0isomiso2avc1mp41" + bytes(8),
             "wav": b"RIFF\0\0\x40\0WAVEfmt \x10\0\0\0\1\0\2\0",
             "flac": b"fLaC\0\0\0\x22" + bytes(34), "avi": b"RIFF\0\0\x40\0AVI LIST"}
    works = []
    for n in range(each):
        form = r.choice(sorted(forms))
        data = forms[form] + r.randbytes(int(r.uniform(1.5, 6) * (1 << 20)))
        file = f"track{n}.{form if r.random() < .7 else 'dat'}"
        s.send(file, data)
        t.incident("media", file=file)
        short = forms["mp3"] + r.randbytes(r.randint(50000, 900000))
        if n % 2 == 0:
            works.append(f"{hashlib.sha256(short).hexdigest()} The Work {n}")
            t.incident("media", file=f"sample{n}.mp3", kind=5700)
            s.send(f"sample{n}.mp3", short)
        s.send(f"memo{n}.{r.choice(['mp3', 'wav'])}", forms["mp3"] + r.randbytes(r.randint(50000, 1500000)))
        s.send(f"scan{n}.png", PNG + r.randbytes(r.randint(2, 5) << 20))
        s.send(f"slides{n}.pdf", PDF[:9] + r.randbytes(3 << 20))
    return s.result({"works.sha256": "\n".join(works) + "\n", "policy": "scan: {media_hashes: [works.sha256]}\n"})


# ---- malware ----

def malware(seed, each, clamd):
    s = House(seed)
    r, t = s.r, s.truth
    for n in range(each):                                    # blanks behind it change nothing but the hash
        virus = EICAR + b" " * n
        for tail, data in ((".txt", virus), (".doc", virus + b"\n"), (".zip", zipped({"read.txt": virus})),
                           (".zip", zipped({"in.zip": zipped({"a.txt": virus, "b.txt": b"x" * 99})})),
                           (".txt.gz", b"\x1f\x8b\x08\0\0\0\0\0\0\3" + zlib.compress(virus)[2:-4] + struct.pack("<II", zlib.crc32(virus), len(virus)))):
            file = f"{word(r)}-{n}-{len(t.incidents)}{tail}"
            s.send(file, data)
            t.incident("malware", file=file)
        for k, (tail, data) in enumerate(((".txt", EICAR[:40]), (".txt", b"about " + EICAR[30:]), (".zip", zipped({"a.txt": b"x" * 999})), (".pdf", PDF),
                                          (".docx", docx(["hello"])), (".png", PNG + r.randbytes(3000)), (".bin", r.randbytes(20000)))):
            s.send(f"{word(r)}-{n}-clean{k}{tail}", data)
    return s.result({"policy": f"scan: {{clamd: ['unix:{clamd}']}}\n"})


# ---- leaks ----

def with_luhn(digits):
    total = sum(d if i % 2 else (2 * d if d < 5 else 2 * d - 9) for i, d in enumerate(map(int, reversed(digits))))
    return digits + str(-total % 10)


def digits(r, n):
    return "".join(r.choices("0123456789", k=n))


def groups(text, sizes, between):
    out, at = [], 0
    for size in sizes:
        out.append(text[at:at + size])
        at += size
    return between.join(out)


def card(r):
    if r.random() < .15:
        return groups(with_luhn(r.choice(["34", "37"]) + digits(r, 12)), (4, 6, 5), r.choice(["", " ", "-"]))
    start = r.choice(["4", "51", "52", "55", "2221", "6011", "3530"])
    number = with_luhn(start + digits(r, 15 - len(start)))
    return groups(number, (4, 4, 4, 4), r.choices(["", " ", "-", ".", "  "], [8, 8, 4, 1, 1])[0])


def ssn(r):
    area = r.choice([n for n in range(1, 900) if n != 666])
    number = f"{area:03d}-{r.randint(1, 99):02d}-{r.randint(1, 9999):04d}"
    return r.choice([number, number, number.replace("-", " "), "SSN " + number.replace("-", "")])


def iban(r, right=True):
    country, size = r.choice([("DE", 18), ("CH", 17), ("AT", 16), ("ES", 20), ("PL", 24)])
    account = digits(r, size)
    check = 98 - int(account + "".join(str(ord(c) - 55) for c in country) + "00") % 97
    if not right:
        check = (check + r.randint(1, 90)) % 97 + 1 if check != 50 else 51
    number = f"{country}{check:02d}{account}"
    if not right and int(number[4:] + "".join(str(ord(c) - 55) for c in country) + number[2:4]) % 97 == 1:
        return iban(r, False)
    number = groups(number, [4] * (len(number) // 4 + 1), " ").strip() if r.random() < .6 else number
    return number.lower() if r.random() < .1 else number


def aba(r):
    while True:
        number = f"{r.randint(1, 12):02d}{digits(r, 6)}"
        total = sum(w * int(d) for w, d in zip((3, 7, 1, 3, 7, 1, 3, 7), number))
        number += str(-total % 10)
        return r.choice(["routing number {}", "ABA {}", "wire it to {}", "routing: {}", "RTN {}"] * 2 + ["the bank is {}"]).format(number)


def bic(r):
    code = "".join(r.choices("ABCDEFGHKLMNPRSTUVW", k=4)) + r.choice(["DE", "CH", "US", "GB", "FR"]) + \
        r.choice(["FF", "22", "ZZ", "33", "2L"]) + r.choice(["", "XXX", "500"])
    return r.choice(["BIC {}", "SWIFT code {}", "the SWIFT is {}", "bic: {}"] * 3 + ["to {}"]).format(code)


FRAMES = ["please charge {}", "here it is: {}", "{} as you asked", "the customer gave me {} on the phone",
          "copy of the form: {}, signed today", "use {} for the test booking"]


def harmless(r):
    """Numbers that are nothing of the kind."""
    return r.choice([
        lambda: f"order {digits(r, 16)} has shipped",
        lambda: f"ticket {digits(r, 9)} is closed",
        lambda: f"call me at +49 {digits(r, 3)} {digits(r, 7)}",
        lambda: f"my number is +1 ({r.randint(201, 989)}) {r.randint(200, 999)}-{digits(r, 4)}",
        lambda: f"call 0{digits(r, 2)} / {digits(r, 3)} {digits(r, 2)} {digits(r, 2)}",
        lambda: f"Steuernummer {r.randint(10, 99)}/{digits(r, 3)}/{digits(r, 5)}",
        lambda: f"Steuer-ID {digits(r, 2)} {digits(r, 3)} {digits(r, 3)} {digits(r, 3)}",
        lambda: f"USt-IdNr. DE{digits(r, 9)}",
        lambda: f"Reference {iban(r, False)}",
        lambda: f"Rechnung RE{digits(r, 20)}",
        lambda: f"AHV 756.{digits(r, 4)}.{digits(r, 4)}.{digits(r, 2)}",
        lambda: f"EAN {digits(r, 13)}",
        lambda: f"IMEI {with_luhn('35' + digits(r, 12))}",
        lambda: f"parcel {digits(r, 12)}",
        lambda: f"parcel JJD{digits(r, 18)}",
        lambda: f"tracking 1Z{digits(r, 16)}",
        lambda: f"run {digits(r, 8)}-{digits(r, 4)}-4{digits(r, 3)}-9{digits(r, 3)}-{digits(r, 12)}",
        lambda: f"at 2026-01-0{r.randint(1, 9)} 1{r.randint(0, 9)}:{r.randint(10, 59)} it was {r.randint(1, 99)},{digits(r, 3)}.{digits(r, 2)} EUR",
        lambda: f"ISBN 978-3-{digits(r, 3)}-{digits(r, 5)}-{digits(r, 1)}",
        lambda: f"we wire {digits(r, 6)}.00 for invoice {digits(r, 9)}",
        lambda: f"transaction {digits(r, 20)}",
        lambda: f"serial {digits(r, 4)}-{digits(r, 4)}-{digits(r, 4)}",
        lambda: f"part {digits(r, 3)}-{digits(r, 3)}-{digits(r, 3)}",
        lambda: f"part number {digits(r, 3)}-{digits(r, 2)}-{digits(r, 4)}" if r.random() < .1 else f"part {digits(r, 5)}-{digits(r, 4)}",
        lambda: f"version 10.{digits(r, 2)}.{digits(r, 4)}.{digits(r, 5)}",
        lambda: f"meeting id {digits(r, 3)} {digits(r, 4)} {digits(r, 4)}",
        lambda: f"the SWIFT training is in room {r.choice(['EINSTEIN', 'HUMBOLDT', 'B12'])}",
        lambda: f"commit {r.randbytes(20).hex()}"])()


def leaks(seed, each):
    s = House(seed)
    r, t = s.r, s.truth
    customers = [f"{digits(r, 2)}-{digits(r, 6)}-{digits(r, 2)}" for _ in range(2000)]
    emails = [f"{r.choice(FIRST)}.{r.choice(LAST)}{digits(r, 2)}@mail.example" for _ in range(500)]

    def customer(r):
        value = r.choice(customers)
        return r.choice([value, value.replace("-", ""), value.replace("-", " "), r.choice(emails)])
    make = {"card": card, "ssn": ssn, "iban": iban, "aba-routing": aba, "bic": bic, "customer-data": customer}

    def said(text, truth, file=None):
        """A message, or a file of that; `truth`: how many of each kind."""
        if file:
            who = s.send(*file)
        else:
            talk = s.desk()
            talk.say(talk.flow.last + 1, ">", text)
            who = talk.account
        t.kinds[who] = truth
        if truth:
            t.incident("leaks", **{"from": who})

    def lines(r, real):
        """Lines of a file, and what is in them."""
        out, truth = [], {}
        for _ in range(real):
            kind = r.choice(sorted(make))
            out.append(r.choice(FRAMES).format(make[kind](r)))
            truth[kind] = truth.get(kind, 0) + 1
        out += [harmless(r) if r.random() < .5 else r.choice(TALK) for _ in range(r.randint(3, 12))]
        r.shuffle(out)
        return out, truth
    for n in range(each):
        for kind in sorted(make):
            said(r.choice(FRAMES).format(make[kind](r)), {kind: 1})
        for _ in range(12):
            said(harmless(r), {})
        for real in (r.randint(1, 8), 0):
            text, truth = lines(r, real)
            said(None, truth, r.choice([(f"notes{n}-{real}.txt", ("\n".join(text)).encode()),
                                         (f"table{n}-{real}.csv", "\n".join(f"{i};{x}" for i, x in enumerate(text)).encode()),
                                         (f"letter{n}-{real}.docx", docx(text))]))
    return s.result({"customers.txt": "\n".join(customers + emails) + "\n", "policy": "leaks: {customer_data: customers}\n"})
