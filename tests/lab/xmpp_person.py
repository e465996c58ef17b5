#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""xmpp_person.py USER SERVER PORT MANNER OWN_ADDRESS FOLDER: a slixmpp client of jabber.example that does what lines of JSON on
its input say, and tells in such lines what happens. MANNER: plain, starttls. Orders (`to` is a user):

    chat to text    offer to sid path    in-band to sid path    jingle to sid path    direct to sid path port
    proxied to sid path    upload to path    fetch url    call to sid    quit"""
import asyncio, hashlib, json, os, ssl, sys
from xml.etree import ElementTree
import aiohttp, slixmpp

user, server, port, manner, own, folder = sys.argv[1:7]


def tell(what, **more):
    print(json.dumps({"what": what, **more}), flush=True)


def digest_of(data):
    return hashlib.sha256(data).hexdigest()


class Person(slixmpp.ClientXMPP):
    def __init__(self):
        super().__init__(f"{user}@jabber.example/desk", user)
        self.add_event_handler("session_start", self.begin)
        self.add_event_handler("disconnected", lambda _: tell("off"))
        self.add_event_handler("message", self.on_message)
        self.add_event_handler("ibb_stream_data", self.on_band)
        self.add_event_handler("ibb_stream_end", lambda s: tell("in-band-end", sid=s.sid, size=len(self.blocks.get(s.sid, b"")),
                                                                 sha256=digest_of(self.blocks.get(s.sid, b""))))
        self.add_event_handler("socks5_data", self.on_socks)
        self.blocks, self.socks = {}, b""
        for plugin in ("xep_0030", "xep_0047", "xep_0065", "xep_0066", "xep_0363"):
            self.register_plugin(plugin, {"auto_accept": True, "max_block_size": 65535} if plugin in ("xep_0047", "xep_0065") else {})
        for name, path in (("si", "{http://jabber.org/protocol/si}si"), ("jingle", "{urn:xmpp:jingle:1}jingle")):
            self.register_handler(slixmpp.xmlstream.handler.Callback(
                name, slixmpp.xmlstream.matcher.MatchXPath("{jabber:client}iq/" + path), lambda iq, name=name: self.accept(iq, name)))
        context = ssl.create_default_context()
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        self.ssl_context = context

    def get_ssl_context(self):
        return self.ssl_context

    async def begin(self, _):
        self.send_presence()
        await self.get_roster()
        tell("on")
        self.tasks = {asyncio.ensure_future(self.listen())}  # asyncio itself holds tasks weakly

    async def listen(self):
        reader = asyncio.StreamReader()
        await asyncio.get_running_loop().connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
        while line := await reader.readline():
            order = json.loads(line)
            if order["do"] == "quit":
                break
            self.tasks.add(asyncio.ensure_future(self.obey(order)))
        self.disconnect()

    async def obey(self, order):
        what, sid = order.pop("do"), order.get("sid")
        if "to" in order:
            order["to"] = slixmpp.JID(f"{order['to']}@jabber.example/desk")
        try:
            await asyncio.wait_for(getattr(self, "do_" + what.replace("-", "_"))(**order), 15)
            tell("done", order=what, sid=sid)
        except BaseException as error:
            tell("failed", order=what, sid=sid, why=repr(error)[:300])

    # ---- what comes

    def accept(self, iq, name):
        iq.reply().send()
        tell("offered", how=name, xml=str(iq)[:2000])

    def on_band(self, stream):
        self.blocks[stream.sid] = self.blocks.get(stream.sid, b"") + stream.read()

    def on_socks(self, data):
        self.socks += data
        tell("socks", size=len(self.socks), sha256=digest_of(self.socks))

    def on_message(self, message):
        tell("message", text=message["body"], url=message["oob"]["url"], sender=str(message["from"]))

    # ---- what is done

    async def do_chat(self, to, text):
        self.send_message(mto=to, mbody=text, mtype="chat")

    async def request(self, to, xml):
        iq = self.Iq()
        iq["type"], iq["to"] = "set", to
        iq.append(ElementTree.fromstring(xml))
        await iq.send(timeout=5)

    async def do_offer(self, to, sid, path):
        name, size = os.path.basename(path), os.path.getsize(path)
        await self.request(to, f"<si xmlns='http://jabber.org/protocol/si' id='{sid}' "
                               "profile='http://jabber.org/protocol/si/profile/file-transfer'>"
                               f"<file xmlns='http://jabber.org/protocol/si/profile/file-transfer' name='{name}' size='{size}'/></si>")

    async def do_jingle(self, to, sid, path):
        name, size = os.path.basename(path), os.path.getsize(path)
        await self.request(to, f"<jingle xmlns='urn:xmpp:jingle:1' action='session-initiate' sid='J{sid}' "
                               f"initiator='{self.boundjid}'><content creator='initiator' name='f' senders='initiator'>"
                               "<description xmlns='urn:xmpp:jingle:apps:file-transfer:5'><file>"
                               f"<media-type>application/octet-stream</media-type><name>{name}</name>"
                               f"<size>{size}</size></file></description>"
                               f"<transport xmlns='urn:xmpp:jingle:transports:ibb:1' block-size='4096' sid='{sid}'/>"
                               "</content></jingle>")

    async def do_call(self, to, sid):
        """A voice call's offer."""
        await self.request(to, f"<jingle xmlns='urn:xmpp:jingle:1' action='session-initiate' sid='{sid}' initiator='{self.boundjid}'>"
                               "<content creator='initiator' name='voice'><description xmlns='urn:xmpp:jingle:apps:rtp:1' media='audio'>"
                               "<payload-type id='0' name='PCMU' clockrate='8000'/></description>"
                               "<transport xmlns='urn:xmpp:jingle:transports:ice-udp:1' pwd='asd88fgpdd777uzjYhagZg' ufrag='8hhy'>"
                               f"<candidate component='1' foundation='1' generation='0' id='el0' ip='{own}' network='1' port='40000' "
                               "priority='2130706431' protocol='udp' type='host'/></transport></content></jingle>")

    async def do_in_band(self, to, sid, path, block_size=4095):
        stream = await self["xep_0047"].open_stream(to, sid=sid, block_size=block_size)
        await stream.sendall(open(path, "rb").read())
        await stream.close()

    async def do_direct(self, to, sid, path, port):
        """This side listens, offers itself, and speaks SOCKS as a proxy would."""
        digest = hashlib.sha1((sid + str(self.boundjid) + str(to)).encode()).hexdigest().encode()
        done = asyncio.Event()

        async def serve(reader, writer):
            hello = await reader.readexactly(2)
            await reader.readexactly(hello[1])
            writer.write(b"\5\0")
            request = await reader.readexactly(47)
            assert request[5:45] == digest
            writer.write(b"\5\0\0\3\x28" + digest + b"\0\0")
            await asyncio.sleep(0.2)
            writer.write(open(path, "rb").read())
            await writer.drain()
            writer.close()
            done.set()

        listener = await asyncio.start_server(serve, own, port)
        try:
            iq = self.Iq()
            iq["type"], iq["to"], iq["socks"]["sid"] = "set", to, sid
            iq["socks"].add_streamhost(self.boundjid, own, str(port))
            await iq.send(timeout=5)
            await asyncio.wait_for(done.wait(), 5)
        finally:
            listener.close()

    async def do_proxied(self, to, sid, path):
        socks = self["xep_0065"]
        await socks.discover_proxies()
        stream = await socks.handshake(to, sid=sid, timeout=5)
        stream.transport.write(open(path, "rb").read())
        await asyncio.sleep(0.5)
        stream.transport.close()

    async def do_upload(self, to, path):
        data = open(path, "rb").read()
        slot = await self["xep_0363"].request_slot(slixmpp.JID("upload.jabber.example"), os.path.basename(path), len(data),
                                                   "application/pdf", timeout=5)
        put = slot["http_upload_slot"]["put"]
        headers = {h["name"]: h["value"] for h in put["headers"]}
        headers["Content-Type"] = "application/pdf"
        async with aiohttp.ClientSession() as web, web.put(put["url"], data=data, headers=headers) as answer:
            body = await answer.text()
            assert answer.status in (200, 201), f"{answer.status} {body[:200]}"
        url = slot["http_upload_slot"]["get"]["url"]
        message = self.make_message(mto=to, mbody=url, mtype="chat")
        message["oob"]["url"] = url
        message.send()

    async def do_fetch(self, url):
        async with aiohttp.ClientSession() as web, web.get(url) as answer:
            data = await answer.read()
            tell("fetched", status=answer.status, size=len(data), sha256=digest_of(data))


person = Person()
person.connect((server, int(port)), use_ssl=False, disable_starttls=manner == "plain", force_starttls=manner == "starttls")
person.loop.run_until_complete(asyncio.wait([person.disconnected], timeout=120))
