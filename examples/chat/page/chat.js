// The page of the chat. What travels on its connection is in protocol.go. All
// text from others is put in by textContent, and so is never more than text.

const [door, enter, nameField, roomField, problem, open, rooms] =
	elements("door", "enter", "name", "room", "problem", "open", "rooms");
const [chat, title, status, retryButton, leaveButton, peopleTitle, members, log, lines, typing, say, text, sendButton] =
	elements("chat", "title", "status", "retry", "leave", "people-title", "members", "log", "lines", "typing", "say", "text", "send");

const maxLines = 500; // of the log
const typingFor = 4000; // milliseconds that "is typing" is shown
const typingEvery = 2000; // and after which it is said again
const patience = 5000; // with an answer of the server
const longestWait = 15000; // between two attempts to connect
const unreachable = "the server cannot be reached";

// A visit to a room: who, where, whether the room has been entered, and of the
// attempts to connect whether one is being made, how many have failed, and why.
// It is null at the door.
let visit = null; // {name, room, inside, trying, failed, why}
let socket = null; // of the visit, or null
let timer = 0; // of the next attempt
let lastTyping = 0; // when it was said
const present = new Set(); // names
const typists = new Map(); // name => timer that ends it

function elements(...ids) {
	return ids.map(id => document.getElementById(id));
}

// make returns an element with a class and text, or children.
function make(tag, className, ...content) {
	const e = document.createElement(tag);
	e.className = className;
	e.append(...content); // strings become text
	return e;
}

// The door.

enter.addEventListener("submit", event => {
	event.preventDefault();
	if (visit) {
		return; // is being tried
	}
	visit = {
		name: nameField.value.trim().normalize(), // é is one letter, however it was typed
		room: roomField.value.trim().toLowerCase().replaceAll(" ", "-"),
		inside: false, trying: false, failed: 0, why: "",
	};
	problem.textContent = "";
	lines.replaceChildren();
	connect();
});

async function showRooms() {
	let list = [];
	try {
		list = await (await fetch("rooms")).json();
	} catch {
		// Nobody has asked for them; the form will say what is wrong.
	}
	rooms.replaceChildren(...list.map(({ room, members }) => {
		const button = make("button", "", `${room} · ${members}`);
		button.type = "button";
		button.addEventListener("click", () => {
			roomField.value = room;
			enter.requestSubmit(); // which asks for the name if there is none
		});
		return make("li", "", button);
	}));
	open.hidden = list.length === 0;
}

function showDoor(why = "") {
	visit = null;
	disconnect();
	chat.hidden = true;
	door.hidden = false;
	problem.textContent = why;
	document.title = "Chat";
	showRooms();
	nameField.focus();
}

leaveButton.addEventListener("click", () => showDoor());

// The connection.

// connect makes one attempt. It asks first whether the name may be had, as a
// page is not told why a handshake is refused.
async function connect() {
	const mine = visit;
	clearTimeout(timer);
	mine.trying = true;
	const room = `rooms/${encodeURIComponent(mine.room)}`;
	const query = `?name=${encodeURIComponent(mine.name)}`;
	const refusal = await refused(`${room}/check${query}`);
	if (visit !== mine) {
		return; // has left meanwhile
	}
	if (refusal) {
		failed(refusal); // after a break perhaps as one's own old connection has the name
		return;
	}
	const url = new URL(`${room}/talk${query}`, location.href);
	url.protocol = url.protocol.replace("http", "ws");
	const own = socket = new WebSocket(url);
	own.addEventListener("message", event => own === socket && hear(JSON.parse(event.data)));
	own.addEventListener("close", event => own === socket && closed(event));
}

// refused returns what the server has against a request, or "".
async function refused(url) {
	try {
		const response = await fetch(url, { signal: AbortSignal.timeout(patience) });
		if (response.ok) {
			return "";
		}
		const { detail, errors } = await response.json();
		return errors ? errors.map(e => e.detail).join("; ") : detail;
	} catch {
		return unreachable;
	}
}

function closed({ code, reason }) {
	if (code === 1008) {
		showDoor(sentence(reason || "the server has closed the connection")); // it would be so again
	} else {
		failed(code === 1001 ? "the server has stopped" : visit.trying ? unreachable : "the connection is lost");
	}
}

// failed goes back to the door, or lets another attempt follow: the later the
// more have failed, and not as late for one as for another, or all pages would
// come back at once.
function failed(why) {
	if (!visit.inside) {
		showDoor(sentence(why));
		return;
	}
	disconnect();
	visit.trying = false;
	setState("lost");
	if (why !== unreachable && why !== visit.why) {
		notice(sentence(why));
		visit.why = why;
	}
	const wait = Math.min(longestWait, 500 * 2 ** visit.failed++);
	timer = setTimeout(connect, wait / 2 + Math.random() * wait / 2);
}

function disconnect() {
	clearTimeout(timer);
	const old = socket;
	socket = null; // so that its events are ignored
	old?.close();
}

function setState(state) {
	chat.dataset.state = state;
	status.textContent = { open: "Connected", lost: "Reconnecting…" }[state];
	retryButton.hidden = state === "open";
	sendButton.disabled = state !== "open";
	[...typists.keys()].forEach(stopTyping);
}

// hurry makes the next attempt now.
function hurry() {
	if (visit?.inside && !socket && !visit.trying) {
		visit.failed = 0;
		connect();
	}
}

retryButton.addEventListener("click", hurry);
window.addEventListener("online", hurry);
window.addEventListener("offline", () => {
	if (socket && visit.inside) {
		failed("the network is gone"); // which the socket would notice much later
	}
});

// What is heard.

function hear(message) {
	const { kind, name } = message;
	if (kind === "members") {
		entered(message.members);
	} else if (kind === "joined" && !present.has(name)) {
		present.add(name);
		showPresent();
		notice(`${name} has come in`);
	} else if (kind === "left" && present.delete(name)) {
		showPresent();
		stopTyping(name);
		notice(`${name} has left`);
	} else if (kind === "typing") {
		startTyping(name);
	} else if (kind === "message") {
		stopTyping(name);
		showMessage(message);
	} else if (kind === "error") {
		notice(sentence(message.text), "bad");
	}
}

function entered(names) {
	present.clear();
	names.forEach(name => present.add(name));
	showPresent();
	if (document.activeElement === retryButton) {
		text.focus(); // before the button is gone
	}
	setState("open");
	Object.assign(visit, { trying: false, failed: 0, why: "" });
	if (visit.inside) {
		notice("You are back. What was said meanwhile is not shown.");
		return;
	}
	visit.inside = true;
	history.replaceState(null, "", `#${visit.room}`);
	title.textContent = visit.room;
	document.title = `${visit.room} · Chat`;
	notice(`You are here as ${visit.name}.`);
	door.hidden = true;
	chat.hidden = false;
	text.focus();
}

function showPresent() {
	peopleTitle.textContent = `${present.size} here`;
	members.replaceChildren(...[...present].sort((a, b) => a.localeCompare(b)).map(name =>
		make("li", "", avatar(name), name === visit.name ? `${name} (you)` : name)));
}

function startTyping(name) {
	clearTimeout(typists.get(name));
	typists.set(name, setTimeout(stopTyping, typingFor, name));
	showTyping();
}

function stopTyping(name) {
	clearTimeout(typists.get(name));
	typists.delete(name);
	showTyping();
}

function showTyping() {
	const names = [...typists.keys()];
	typing.textContent = ["", `${names[0]} is typing…`, `${names[0]} and ${names[1]} are typing…`][names.length] ?? "Several people are typing…";
}

function showMessage({ name, text, time }) {
	const own = name === visit.name;
	const again = lines.lastChild?.dataset.by === name;
	const when = make("time", "", new Date(time).toLocaleTimeString([], { hour: "2-digit", minute: "2-digit" }));
	when.dateTime = time;
	const line = make("div", `message ${own ? "own" : ""} ${again ? "again" : ""}`,
		avatar(name), make("div", "by", make("b", "", name), " ", when), make("div", "text", text));
	line.dataset.by = name;
	show(line, own);
}

function notice(text, className = "") {
	show(make("p", `notice ${className}`, text));
}

// show adds to the log. It is laid out from its end, where scrollTop is zero, so
// that the last line stays in sight, also when the keyboard of a phone appears.
// Who reads further up is left there, unless the line is one's own.
function show(line, own = false) {
	const height = log.scrollHeight;
	lines.append(line);
	if (own) {
		log.scrollTop = 0;
	} else if (log.scrollTop < 0) {
		log.scrollTop -= log.scrollHeight - height;
	}
	while (lines.childElementCount > maxLines) {
		lines.firstChild.remove();
	}
}

// avatar is the first letter of a name on a colour that is always the same.
function avatar(name) {
	const letters = [...name];
	const e = make("span", "avatar", letters[0]);
	e.style.setProperty("--hue", letters.reduce((hue, letter) => (hue * 31 + letter.codePointAt(0)) % 360, 0));
	e.ariaHidden = "true";
	return e;
}

function sentence(words) {
	return words.charAt(0).toUpperCase() + words.slice(1) + ".";
}

// What is said.

function tell(message) {
	if (chat.dataset.state !== "open") {
		return false;
	}
	socket.send(JSON.stringify(message));
	return true;
}

say.addEventListener("submit", event => {
	event.preventDefault();
	const words = text.value.trim();
	if (words && tell({ kind: "message", text: words })) {
		text.value = "";
		lastTyping = 0;
	}
	text.focus();
});

text.addEventListener("input", () => {
	if (text.value && Date.now() - lastTyping > typingEvery && tell({ kind: "typing" })) {
		lastTyping = Date.now();
	}
});

roomField.value = location.hash.slice(1); // a link to #tea leads there
showDoor();
