// The page of the chat. It speaks with the server by MegoClient, of mego.js; what
// there is to call and to hear is in talk.go. All text from others is put in by
// textContent, and so is never more than text.

const [door, enter, nameField, roomField, problem, open, rooms] =
	elements("door", "enter", "name", "room", "problem", "open", "rooms");
const [chat, title, status, retryButton, leaveButton, peopleTitle, members, log, lines, uploads, say, files, attach, text, sendButton, drop] =
	elements("chat", "title", "status", "retry", "leave", "people-title", "members", "log", "lines", "uploads", "say", "files", "attach", "text", "send", "drop");

const maxLines = 500; // of the log
const maxFile = 32 << 20; // bytes, as the server has it
const longestWait = 15000; // milliseconds between two attempts to connect

const mego = new MegoClient(new URL("mego", location.href), { autoConnect: false, timeout: 8000, chunkSize: 128 << 10 });

// A visit to a room: who, where, and whether the room has been entered. It is
// null at the door.
let visit = null; // {name, room, inside}
let failed = 0; // attempts to connect, since the last that succeeded
let trying = false; // whether one is being made
let timer = 0; // of the next
let listed = false; // whether the list of rooms was subscribed to
let waiting = []; // {resolve, reject} of who waits for being in the room again
let sending = Promise.resolve(); // the last file
let dropTimer = 0; // of what says that files can be dropped

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

// The connection. There is always one, or one is being made: the door shows which
// rooms are open.

async function connect() {
	clearTimeout(timer);
	trying = true;
	try {
		await mego.reconnect(); // the first time, too
		if (!listed) {
			await mego.subscribe("Rooms");
			listed = true; // from now on reconnect sees to it
		}
		failed = 0;
		for (let entered = null; visit !== entered;) { // somebody may have left for another room
			entered = visit;
			await enterRoom();
		}
	} catch (error) {
		if (mego.connected) { // it is the room that was refused
			showDoor(sentence(explain(error)));
		} else if (visit && !visit.inside) {
			showDoor("The server cannot be reached.");
		}
	}
	trying = false;
	if (!mego.connected) {
		later();
	}
}

// later makes another attempt: the later the more have failed, and not as late
// for one as for another, or all pages would come back at once.
function later() {
	clearTimeout(timer);
	const wait = Math.min(longestWait, 500 * 2 ** failed++);
	timer = setTimeout(connect, wait / 2 + Math.random() * wait / 2);
}

// hurry makes the next attempt now.
function hurry() {
	if (!mego.connected && !trying) {
		failed = 0;
		connect();
	}
}

mego.on("close", ({ code }) => {
	setState("lost");
	if (visit?.inside) {
		notice(sentence(code === 1001 ? "the server has stopped" : "the connection is lost"));
	}
	if (!trying) {
		later();
	}
});

retryButton.addEventListener("click", hurry);
window.addEventListener("online", hurry);

function setState(state) {
	chat.dataset.state = state;
	status.textContent = { open: "Connected", lost: "Reconnecting…" }[state];
	retryButton.hidden = state === "open";
	sendButton.disabled = attach.disabled = state !== "open";
}

// explain returns what an error says to people.
function explain(error) {
	const fields = error.data?.fields;
	return fields ? Object.values(fields).join("; ") : error.message.replace(/^mego: /, "");
}

// The door.

enter.addEventListener("submit", async event => {
	event.preventDefault();
	if (visit) {
		return; // is being tried
	}
	visit = {
		name: nameField.value.trim().normalize(), // é is one letter, however it was typed
		room: roomField.value.trim().toLowerCase().replaceAll(" ", "-"),
		inside: false,
	};
	problem.textContent = "";
	lines.replaceChildren();
	if (!mego.connected || trying) {
		hurry(); // connect enters, or says why not
		return;
	}
	try {
		await enterRoom();
	} catch (error) {
		showDoor(sentence(explain(error)));
	}
});

mego.on("Rooms", ({ data }) => {
	rooms.replaceChildren(...data.map(({ room, members }) => {
		const button = make("button", "", `${room} · ${members}`);
		button.type = "button";
		button.addEventListener("click", () => {
			roomField.value = room;
			enter.requestSubmit(); // which asks for the name if there is none
		});
		return make("li", "", button);
	}));
	open.hidden = data.length === 0;
});

function showDoor(why = "") {
	visit = null;
	waiting.splice(0).forEach(({ reject }) => reject(new Error("you have left the room")));
	uploads.replaceChildren();
	chat.hidden = true;
	door.hidden = false;
	problem.textContent = why;
	document.title = "Megochat";
	nameField.focus();
}

leaveButton.addEventListener("click", () => {
	mego.call("Leave").notify();
	showDoor();
});

// The room.

async function enterRoom() {
	const mine = visit;
	if (!mine) {
		return;
	}
	await mego.call("Enter").send({ name: mine.name, room: mine.room }).end();
	if (visit !== mine) {
		return; // has left meanwhile
	}
	if (document.activeElement === retryButton) {
		text.focus(); // before the button is gone
	}
	setState("open");
	waiting.splice(0).forEach(({ resolve }) => resolve());
	if (mine.inside) {
		notice("You are back. What was said meanwhile is not shown.");
		return;
	}
	mine.inside = true;
	history.replaceState(null, "", `#${mine.room}`);
	title.textContent = mine.room;
	document.title = `${mine.room} · Megochat`;
	notice(`You are here as ${mine.name}.`);
	door.hidden = true;
	chat.hidden = false;
	text.focus();
}

// again resolves when the room has been entered again.
function again() {
	return new Promise((resolve, reject) => waiting.push({ resolve, reject }));
}

mego.on("Members", ({ data }) => {
	if (!visit) {
		return; // has just left
	}
	peopleTitle.textContent = `${data.members.length} here`;
	members.replaceChildren(...data.members.sort((a, b) => a.localeCompare(b)).map(name =>
		make("li", "", avatar(name), name === visit.name ? `${name} (you)` : name)));
	if (visit.inside && data.joined && data.joined !== visit.name) {
		notice(`${data.joined} has come in`);
	} else if (visit.inside && data.left) {
		notice(`${data.left} has left`);
	}
});

mego.on("Said", ({ data }) => showMessage(data, make("div", "text", data.text)));

mego.on("Shared", ({ data }) => {
	const extension = /\.([^.]{1,5})$/.exec(data.file);
	const kind = make("span", "file-kind", extension ? extension[1] : "file");
	kind.ariaHidden = "true";
	const link = make("a", "file", kind, make("span", "", make("span", "file-name", data.file), make("span", "file-size", `${sizeOf(data.size)} · Download`)));
	link.href = data.url;
	link.download = data.file;
	link.title = data.file;
	showMessage(data, make("div", "text", link));
});

function showMessage({ name, time }, content) {
	if (!visit) {
		return;
	}
	const own = name === visit.name;
	const again = lines.lastChild?.dataset.by === name;
	const when = make("time", "", time.toLocaleTimeString([], { hour: "2-digit", minute: "2-digit" }));
	when.dateTime = time.toISOString();
	const line = make("div", `message ${own ? "own" : ""} ${again ? "again" : ""}`,
		avatar(name), make("div", "by", make("b", "", name), " ", when), content);
	line.dataset.by = name;
	show(line, own);
}

function notice(words, className = "") {
	show(make("p", `notice ${className}`, words));
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

// sizeOf returns a number of bytes for people.
function sizeOf(bytes) {
	for (const unit of ["bytes", "KB", "MB"]) {
		if (bytes < 1000 || unit === "MB") {
			return `${unit === "bytes" || bytes >= 100 ? Math.round(bytes) : bytes.toFixed(1)} ${unit}`;
		}
		bytes /= 1024;
	}
}

// What is said.

say.addEventListener("submit", async event => {
	event.preventDefault();
	const words = text.value.trim();
	text.focus();
	if (!words || chat.dataset.state !== "open") {
		return;
	}
	text.value = "";
	try {
		await mego.call("Say").send({ text: words }).end();
	} catch (error) {
		text.value ||= words; // to be sent again
		if (visit && error.kind !== "closed") {
			notice(sentence(explain(error)), "bad");
		}
	}
});

// Files. They are sent one after another, each of which goes on where it was when
// the connection has been lost.

function send(list) {
	for (const file of list) {
		const state = make("span", "upload-state", "Waiting");
		const bar = make("progress", "");
		bar.max = 1;
		bar.value = 0;
		bar.ariaLabel = file.name;
		const card = make("li", "", make("span", "upload-name", file.name), state, bar);
		uploads.append(card);
		const mine = visit;
		sending = sending.then(() => visit === mine && upload(file, mine.room, card, state, bar));
	}
}

async function upload(file, room, card, state, bar) {
	try {
		if (file.size > maxFile) {
			throw new Error(`a file has ${sizeOf(maxFile)} at most`);
		}
		const request = mego.call("Share").send({ room }).sendFileChunks(file).progress(({ loaded, total }) => {
			bar.value = loaded / total;
			state.textContent = `${sizeOf(loaded)} of ${sizeOf(total)}`;
		});
		let attempt = request.end();
		while (!await arrived(attempt)) {
			state.textContent = "Waiting for the connection";
			await again();
			attempt = request.resume();
		}
		card.remove();
	} catch (error) {
		const dismiss = make("button", "", "Dismiss");
		dismiss.type = "button";
		dismiss.addEventListener("click", () => card.remove());
		card.className = "failed";
		card.insertBefore(dismiss, state);
		state.textContent = sentence(explain(error));
	}
}

// arrived resolves to whether a file has, or false if the connection was lost.
async function arrived(attempt) {
	try {
		await attempt;
		return true;
	} catch (error) {
		if (error.kind === "closed") {
			return false;
		}
		throw error;
	}
}

attach.addEventListener("click", () => files.click());
files.addEventListener("change", () => {
	send(files.files);
	files.value = ""; // so that the same one can be chosen again
});

// Files may be dropped anywhere. Without this, the browser would leave the page
// for them.
const hasFiles = event => event.dataTransfer?.types.includes("Files");
const canDrop = () => !chat.hidden && chat.dataset.state === "open";

// showDrop shows that files can be dropped, for as long as dragover tells of them:
// not all browsers say when they are not any more.
function showDrop(yes) {
	clearTimeout(dropTimer);
	drop.hidden = !yes;
	if (yes) {
		dropTimer = setTimeout(showDrop, 1500, false);
	}
}

window.addEventListener("dragover", event => {
	if (hasFiles(event)) {
		event.preventDefault();
		event.dataTransfer.dropEffect = canDrop() ? "copy" : "none";
		showDrop(canDrop());
	}
});
window.addEventListener("dragleave", event => {
	if (!event.relatedTarget) { // it has left the window
		showDrop(false);
	}
});
window.addEventListener("drop", event => {
	if (hasFiles(event)) {
		event.preventDefault();
		showDrop(false);
		if (canDrop()) {
			send(event.dataTransfer.files);
		}
	}
});

roomField.value = location.hash.slice(1); // a link to #tea leads there
showDoor();
connect();
