/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The page of vswitchd's HTTP listener: asks /rpc each PERIOD for the state and draws it, and shows
 * the events of /events as they come.
 *
 * Whatever comes from the switch (names, descriptions, texts of guests) is put into the page as
 * text, never as markup: all of it goes through element() and textContent.
 *
 * Ports are asked for in batches of single requests, which the daemon serves a few at a time, so
 * that a large switch is not kept from its other work.
 */
"use strict";

const PERIOD = 2000; /* ms between looks */
const SHOWN_PORTS = 500; /* rows of the table */
const DRAWN_PORTS = 60; /* ports of the picture */
const BATCH = 100; /* requests in a batch */
const SHOWN_EVENTS = 100;
const SHOWN_ADDRESSES = 500;
const TOPICS = ["port", "config", "limit", "worker"];
const ROOT = "/vswitch:vswitch";
const SVG = "http://www.w3.org/2000/svg";

const model = { ports: new Map(), bridges: [], workers: [], before: null, chosen: null };

const byId = (id) => document.getElementById(id);

/* An element with attributes and children; strings become text. */
function element(name, attributes = {}, ...children) {
	const made = name.startsWith("svg:")
		? document.createElementNS(SVG, name.slice(4)) : document.createElement(name);

	for (const [key, value] of Object.entries(attributes)) {
		if (value !== null && value !== undefined && value !== false) {
			made.setAttribute(key, value);
		}
	}
	made.append(...children.filter((child) => child !== null && child !== undefined));
	return made;
}

/* A class name only if it is one of ours. */
const STATES = new Set(["up", "down", "no-guest", "stopped", "failed", "ok", "warning", "failing",
	"polling", "sleeping", "stalled"]);
const stateClass = (state) => (STATES.has(state) ? state : "");

/* --- numbers ------------------------------------------------------------------------------- */

const SCALES = ["", "k", "M", "G", "T"];

function scaled(number) {
	let scale = 0;

	while (number >= 1000 && scale < SCALES.length - 1) {
		number /= 1000;
		scale++;
	}
	const digits = number >= 100 || (scale === 0 && number === Math.floor(number)) ? 0 : 1;
	return number.toFixed(digits) + (scale ? " " + SCALES[scale] : "");
}

function duration(seconds) {
	const days = Math.floor(seconds / 86400);
	const hours = Math.floor(seconds / 3600) % 24;
	const minutes = Math.floor(seconds / 60) % 60;

	if (days) {
		return `${days} d ${hours} h`;
	}
	return hours ? `${hours} h ${minutes} min` : minutes ? `${minutes} min` : `${seconds} s`;
}

/* --- asking -------------------------------------------------------------------------------- */

async function post(body) {
	const reply = await fetch("rpc", {
		method: "POST",
		headers: { "Content-Type": "application/json" },
		body: JSON.stringify(body),
	});
	if (!reply.ok) {
		throw new Error(await reply.text());
	}
	return reply.json();
}

function request(id, method, params) {
	return { jsonrpc: "2.0", id, method, params };
}

async function call(method, params) {
	const reply = await post(request(1, method, params));

	if (reply.error) {
		throw new Error(reply.error.data?.["error-message"] ?? reply.error.message);
	}
	return reply.result;
}

const tree = (result) => result["vswitch:vswitch"] ?? {};

/* Many paths at once; those that are gone by now are left out. */
async function getAll(paths) {
	const found = [];

	for (let at = 0; at < paths.length; at += BATCH) {
		const batch = paths.slice(at, at + BATCH).map((path, i) => request(i, "get", { path }));
		const replies = await post(batch);

		found.push(...replies.filter((r) => r.result).map((r) => tree(r.result)));
	}
	return found;
}

/* --- the look ------------------------------------------------------------------------------ */

const number = (object, name) => Number(object?.[name] ?? 0);

function counters(port) {
	const statistics = port.statistics ?? {};
	const drops = {};
	let dropped = 0;

	for (const [reason, value] of Object.entries(statistics.drops ?? {})) {
		drops[reason] = Number(value);
		dropped += Number(value);
	}
	return { rx: number(statistics, "rx-packets"), rxBytes: number(statistics, "rx-bytes"),
		tx: number(statistics, "tx-packets"), txBytes: number(statistics, "tx-bytes"),
		drops, dropped };
}

const rate = (now, then, seconds) => (seconds > 0 ? Math.max(0, now - then) / seconds : 0);

/* Rates of each port since the look before. */
function measure(ports, before, seconds) {
	const measured = new Map();

	for (const port of ports) {
		const now = counters(port);
		const then = before.get(port.name)?.counters ?? now;
		const drops = {};

		for (const reason of Object.keys(now.drops)) {
			drops[reason] = rate(now.drops[reason], then.drops[reason] ?? 0, seconds);
		}
		measured.set(port.name, { port, counters: now, drops,
			rx: rate(now.rx, then.rx, seconds), rxBits: 8 * rate(now.rxBytes, then.rxBytes, seconds),
			tx: rate(now.tx, then.tx, seconds), txBits: 8 * rate(now.txBytes, then.txBytes, seconds),
			dropped: rate(now.dropped, then.dropped, seconds) });
	}
	return measured;
}

async function look() {
	const started = performance.now();
	const names = tree(await call("get", { path: `${ROOT}/port`, depth: 1, content: "config" }));
	const paths = (names.port ?? []).map((port) => `${ROOT}/port[name='${port.name}']`);
	const top = await post([request(1, "get", { path: `${ROOT}/system` }),
		request(2, "get", { path: `${ROOT}/bridge` })]);
	const [system, bridge] = [1, 2].map((id) => tree(top.find((r) => r.id === id)?.result ?? {}));
	const ports = (await getAll(paths)).flatMap((found) => found.port ?? []);
	const now = performance.now();
	const seconds = model.before === null ? 0 : (now - model.before) / 1000;

	model.before = now;
	model.ports = measure(ports, model.ports, seconds);
	model.bridges = bridge.bridge ?? [];
	model.system = system.system ?? {};
	model.seconds = seconds;
	measureWorkers(model.system.worker ?? []);
	return performance.now() - started;
}

function measureWorkers(workers) {
	const before = new Map(model.workers.map((worker) => [worker.id, worker]));

	model.workers = workers.map((worker) => {
		const then = before.get(worker.id) ?? {};
		const busy = number(worker, "busy-cycles") - (then.busyCycles ?? 0);
		const idle = number(worker, "idle-cycles") - (then.idleCycles ?? 0);
		const cache = worker["flow-cache"] ?? {};
		const hits = number(cache, "hits") - (then.hits ?? 0);
		const misses = number(cache, "misses") - (then.misses ?? 0);

		return { id: worker.id, state: worker.state, cpu: worker.cpu,
			busyCycles: number(worker, "busy-cycles"), idleCycles: number(worker, "idle-cycles"),
			hits: number(cache, "hits"), misses: number(cache, "misses"),
			flows: number(cache, "entries"),
			share: busy + idle > 0 ? busy / (busy + idle) : 0,
			hitRate: hits + misses > 0 ? hits / (hits + misses) : null };
	});
}

/* --- drawing ------------------------------------------------------------------------------- */

function drawTotals() {
	const sum = (member) => [...model.ports.values()].reduce((all, port) => all + port[member], 0);
	const up = [...model.ports.values()].filter((p) => p.port["oper-status"] === "up").length;
	const memory = model.system.memory ?? {};
	const tiles = [
		["ports up", `${up} of ${model.ports.size}`],
		["received/s", scaled(sum("rx"))],
		["received bit/s", scaled(sum("rxBits"))],
		["sent/s", scaled(sum("tx"))],
		["dropped/s", scaled(sum("dropped"))],
		["memory", `${memory["used-mib"] ?? 0} of ${memory["size-mib"] ?? 0} MiB`],
		["up for", duration(model.system.uptime ?? 0)],
	];

	byId("totals").replaceChildren(...tiles.map(([name, value]) =>
		element("div", {}, element("dt", {}, name), element("dd", {}, value))));
	byId("version").textContent = model.system.version ?? "";
	byId("about").textContent = model.system.description ?? "";
	byId("role").textContent = mayDo("operate") ? "" : "This page only reads.";
}

function choose(name) {
	model.chosen = model.chosen === name ? null : name;
	draw();
	if (model.chosen) {
		byId("detail").scrollIntoView({ block: "nearest" });
	}
}

/* Like a button: by mouse, Enter and Space. */
function choosable(made, name) {
	made.addEventListener("click", () => choose(name));
	made.addEventListener("keydown", (event) => {
		if (event.key === "Enter" || event.key === " ") {
			event.preventDefault();
			choose(name);
		}
	});
	made.dataset.port = name;
	return made;
}

const SIZE = { width: 1000, bridge: 150, port: 190, row: 46, gap: 18 };

const cut = (text, most) => (text.length > most ? text.slice(0, most - 1) + "…" : text);

function drawPort(shown, x, y, left) {
	const { port } = shown;
	const traffic = shown.rx + shown.tx;
	const width = traffic > 0 ? Math.min(6, 1.5 + Math.log10(1 + traffic) / 1.5) : 1;
	const from = left ? x + SIZE.port : x;
	const to = left ? SIZE.width / 2 - SIZE.bridge / 2 : SIZE.width / 2 + SIZE.bridge / 2;
	const state = port["oper-status"] ?? "";
	const label = `${port.name}, ${port.type}, ${state}, receives ${scaled(shown.rx)} and is sent ` +
		`${scaled(shown.tx)} packets a second`;
	const group = element("svg:g", { tabindex: 0, role: "button", "aria-label": label,
		class: model.chosen === port.name ? "chosen" : null },
		element("svg:title", {}, label),
		element("svg:rect", { class: "box", x, y, width: SIZE.port, height: 36, rx: 6 }),
		element("svg:circle", { class: stateClass(state), cx: x + 14, cy: y + 18, r: 5 }),
		element("svg:text", { x: x + 27, y: y + 16 }, cut(port.name, 20)),
		element("svg:text", { class: "soft", x: x + 27, y: y + 30 },
			`${port.type}  ${scaled(shown.rx)} in, ${scaled(shown.tx)} out`));
	const wire = port.bridge === undefined ? null : element("svg:line", {
		class: traffic > 0 ? "wire busy" : "wire", x1: from, x2: to, y1: y + 18, y2: y + 18,
		"stroke-width": width });

	return [wire, choosable(group, port.name)];
}

/* One bridge: a bar with its ports left and right of it. */
function drawBridge(name, ports, top) {
	const rows = Math.max(1, Math.ceil(ports.length / 2));
	const height = rows * SIZE.row;
	const x = SIZE.width / 2 - SIZE.bridge / 2;
	const parts = name === null ? [] : [
		element("svg:rect", { class: "bridge", x, y: top, width: SIZE.bridge, height: height - 10,
			rx: 8 }),
		element("svg:text", { x: SIZE.width / 2, y: top + (height - 10) / 2 + 4,
			"text-anchor": "middle" }, cut(name, 18)),
	];

	ports.forEach((shown, i) => {
		const left = i % 2 === 0;
		const y = top + Math.floor(i / 2) * SIZE.row;

		parts.push(...drawPort(shown, left ? 0 : SIZE.width - SIZE.port, y, left));
	});
	return { parts, height };
}

function drawPicture() {
	const focused = document.activeElement?.closest?.("#picture g")?.dataset.port;
	const shown = [...model.ports.values()].slice(0, DRAWN_PORTS);
	const groups = model.bridges.map((bridge) => [bridge.name,
		shown.filter((s) => s.port.bridge === bridge.name)]);
	const loose = shown.filter((s) => s.port.bridge === undefined);
	const parts = [];
	let y = 4;

	if (loose.length) {
		groups.push([null, loose]);
	}
	for (const [name, ports] of groups) {
		const drawn = drawBridge(name, ports, y);

		parts.push(...drawn.parts);
		y += drawn.height + SIZE.gap;
	}
	byId("picture").replaceChildren(element("svg:svg", {
		viewBox: `0 0 ${SIZE.width} ${Math.max(y, 40)}`, role: "group",
		"aria-label": "Bridges and their ports" }, ...parts));
	more("picture-more", model.ports.size - shown.length, "ports are only in the table");
	if (focused !== undefined) {
		[...document.querySelectorAll("#picture g")].find((g) => g.dataset.port === focused)?.focus();
	}
}

function more(id, count, text) {
	byId(id).hidden = count <= 0;
	byId(id).textContent = `${count} more ${text}`;
}

function portRow(shown) {
	const { port } = shown;
	const state = port["oper-status"] ?? "";
	const cells = [port.name, port.bridge ?? "", port.type];
	const numbers = [shown.rx, shown.rxBits, shown.tx, shown.txBits, shown.dropped,
		shown.counters.dropped];

	return choosable(element("tr", { tabindex: 0,
		class: model.chosen === port.name ? "chosen" : null },
		...cells.map((text) => element("td", {}, text)),
		element("td", { class: stateClass(state), title: port.reason }, state),
		...numbers.map((n) => element("td", { class: "n" }, scaled(n)))), port.name);
}

function drawPorts() {
	const words = byId("filter").value.toLowerCase().split(/\s+/).filter(Boolean);
	const focused = document.activeElement?.closest?.("#ports tr")?.dataset.port;
	const fits = ({ port }) => {
		const text = [port.name, port.bridge, port.type, port["oper-status"], port.description]
			.join(" ").toLowerCase();

		return words.every((word) => text.includes(word));
	};
	const found = [...model.ports.values()].filter(fits);

	document.querySelector("#ports tbody").replaceChildren(
		...found.slice(0, SHOWN_PORTS).map(portRow));
	more("ports-more", found.length - SHOWN_PORTS, "fit; say more of what you look for");
	if (focused !== undefined) {
		[...document.querySelectorAll("#ports tr")].find((r) => r.dataset.port === focused)?.focus();
	}
}

/* Leaves of an object as terms and values; what is below it indented by its path. */
function listed(object, prefix, out) {
	for (const [name, value] of Object.entries(object)) {
		if (Array.isArray(value)) {
			value.forEach((entry, i) => (typeof entry === "object"
				? listed(entry, `${prefix}${name} ${i} `, out)
				: out.push([`${prefix}${name}`, String(entry)])));
		} else if (typeof value === "object") {
			listed(value, `${prefix}${name} `, out);
		} else if (!(prefix.endsWith("drops ") && value === "0")) {
			out.push([`${prefix}${name}`, String(value)]);
		}
	}
	return out;
}

/* --- what the role allows (the daemon checks it anyway) ---------------------------------------- */

const ROLES = ["none", "read", "operate", "admin"];
const mayDo = (role) => ROLES.indexOf(model.system.http?.role ?? "read") >= ROLES.indexOf(role);

async function act(method, params) {
	try {
		await call(method, params);
		await look();
		draw();
	} catch (error) {
		drawHealth("failing", error.message);
	}
}

function button(text, method, params) {
	const made = element("button", { type: "button" }, text);

	made.addEventListener("click", () => act(method, params));
	return made;
}

function drawActions(port) {
	const enabled = port.enabled !== false;
	const buttons = [];

	if (mayDo("admin")) {
		buttons.push(button(enabled ? "Disable the port" : "Enable the port", "edit", {
			comment: "from the page",
			edits: [{ op: "merge", path: `${ROOT}/port[name='${port.name}']`,
				value: { enabled: !enabled } }] }));
	}
	if (mayDo("operate")) {
		buttons.push(" ", button("Clear its counters", "action",
			{ name: "clear-counters", input: { port: port.name } }));
	}
	/* a button that has the focus stays as it is, unless it says something else */
	if (byId("detail-do").textContent !== buttons.map((b) => b.textContent ?? b).join("") ||
		byId("detail-do").dataset.port !== port.name) {
		byId("detail-do").replaceChildren(...buttons);
		byId("detail-do").dataset.port = port.name;
	}
	byId("detail-do").hidden = buttons.length === 0;
}

function drawDetail() {
	const shown = model.ports.get(model.chosen);

	byId("detail").hidden = shown === undefined;
	if (shown !== undefined) {
		drawActions(shown.port);
		byId("detail-title").textContent = `Port ${model.chosen}`;
		byId("detail-body").replaceChildren(element("dl", {},
			...listed(shown.port, "", []).flatMap(([name, value]) =>
				[element("dt", {}, name), element("dd", {}, value)])));
	}
}

function drawDrops() {
	const reasons = new Map();

	for (const shown of model.ports.values()) {
		for (const [reason, all] of Object.entries(shown.counters.drops)) {
			const sum = reasons.get(reason) ?? { all: 0, rate: 0 };

			reasons.set(reason, { all: sum.all + all, rate: sum.rate + shown.drops[reason] });
		}
	}
	const rows = [...reasons].filter(([, sum]) => sum.all > 0).sort((a, b) => b[1].all - a[1].all);

	byId("no-drops").hidden = rows.length > 0;
	byId("drops").hidden = rows.length === 0;
	document.querySelector("#drops tbody").replaceChildren(...rows.map(([reason, sum]) =>
		element("tr", {}, element("td", {}, reason), element("td", { class: "n" }, scaled(sum.rate)),
			element("td", { class: "n" }, scaled(sum.all)))));
}

function drawWorkers() {
	byId("workers").replaceChildren(...model.workers.map((worker) => {
		const percent = Math.round(worker.share * 100);
		const hits = worker.hitRate === null ? "" : `, ${(worker.hitRate * 100).toFixed(1)} % hits`;

		return element("div", { class: "worker" },
			element("span", {}, `${worker.id} `,
				element("span", { class: stateClass(worker.state) }, worker.state ?? "")),
			element("svg:svg", { class: "bar", viewBox: "0 0 100 10", preserveAspectRatio: "none",
				role: "img", "aria-label": `busy ${percent} %` },
				element("svg:rect", { width: percent, height: 10 })),
			element("span", {}, `busy ${percent} %`, element("br"),
				`${scaled(worker.flows)} flows${hits}`));
	}));
}

function drawBridgeChoice() {
	const select = byId("fdb-bridge");
	const names = model.bridges.map((bridge) => bridge.name);

	if (names.join("\n") !== [...select.options].map((o) => o.value).join("\n")) {
		const chosen = select.value;

		select.replaceChildren(...names.map((name) => element("option", { value: name }, name)));
		select.value = names.includes(chosen) ? chosen : (names[0] ?? "");
	}
}

function draw() {
	drawTotals();
	drawPicture();
	drawPorts();
	drawDetail();
	drawDrops();
	drawWorkers();
	drawBridgeChoice();
}

function drawHealth(status, text) {
	byId("health").className = `pill ${stateClass(status)}`;
	byId("health").textContent = text;
}

async function checkHealth() {
	const health = await (await fetch("health")).json();
	const wrong = health.checks.filter((check) => check.status !== "ok");

	drawHealth(health.status, wrong.length === 0 ? "all is well"
		: wrong.map((check) => `${check.name}: ${check.text}`).join("; "));
}

/* --- MAC addresses ------------------------------------------------------------------------- */

async function searchAddresses() {
	const bridge = byId("fdb-bridge").value;
	const wanted = byId("fdb-find").value.trim().toLowerCase();
	const path = `${ROOT}/bridge[name='${bridge}']/fdb`;
	const found = [];
	let after;
	let seen = 0;

	do {
		const result = await call("get", { path, limit: 2000, ...(after ? { after } : {}) });
		const page = tree(result).bridge?.[0]?.fdb ?? [];

		seen += page.length;
		found.push(...page.filter((entry) => wanted === "" || entry.mac.includes(wanted) ||
			(entry.port ?? "").toLowerCase().includes(wanted) || String(entry.vlan) === wanted));
		after = result.next;
	} while (after && found.length < SHOWN_ADDRESSES);

	document.querySelector("#fdb tbody").replaceChildren(
		...found.slice(0, SHOWN_ADDRESSES).map((entry) => element("tr", {},
			element("td", {}, entry.mac), element("td", { class: "n" }, String(entry.vlan)),
			element("td", {}, entry.port ?? ""),
			element("td", { class: "n" }, entry.static ? "static" : `${entry.age} s`))));
	byId("fdb-said").textContent = `${found.length} of ${seen} addresses` +
		(after ? ", and there are more: say more of what you look for" : "");
}

/* --- events -------------------------------------------------------------------------------- */

function showEvent(event) {
	const { topic, time, text, ...rest } = event;
	const said = text ?? Object.entries(rest).map(([name, value]) =>
		`${name} ${typeof value === "object" ? JSON.stringify(value) : value}`).join(", ");
	const list = byId("events");

	list.prepend(element("li", {},
		element("time", { datetime: time }, (time ?? "").slice(11, 19)),
		element("b", { class: topic === "overflow" ? "lost" : null }, topic),
		[rest.port, rest.bridge].filter((name) => name && text).join(" "), " ", said));
	while (list.children.length > SHOWN_EVENTS) {
		list.lastElementChild.remove();
	}
	byId("no-events").hidden = true;
}

/* Topics that this daemon does not have are left out, one by one. */
function hearEvents(topics) {
	if (topics.length === 0) {
		return;
	}
	const source = new EventSource(`events?${topics.map((t) => `topic=${t}`).join("&")}`);
	let opened = false;

	source.onopen = () => { opened = true; };
	source.onmessage = (message) => showEvent(JSON.parse(message.data));
	source.onerror = () => {
		if (source.readyState === EventSource.CLOSED) {
			setTimeout(() => hearEvents(opened ? topics : topics.slice(0, -1)), PERIOD);
		}
	};
}

/* --- life ---------------------------------------------------------------------------------- */

async function tick() {
	let pause = PERIOD;

	try {
		/* a large switch is looked at less often: a tenth of the time at most */
		pause = Math.max(PERIOD, 10 * await look());
		draw();
		await checkHealth();
	} catch (error) {
		drawHealth("failing", `no answer: ${error.message}`);
	}
	setTimeout(tick, document.hidden ? 5 * pause : pause);
}

byId("filter").addEventListener("input", drawPorts);
byId("detail-close").addEventListener("click", () => choose(model.chosen));
byId("fdb-form").addEventListener("submit", (event) => {
	event.preventDefault();
	searchAddresses().catch((error) => { byId("fdb-said").textContent = error.message; });
});
document.addEventListener("keydown", (event) => {
	if (event.key === "/" && !/^(INPUT|SELECT)$/.test(document.activeElement?.tagName)) {
		event.preventDefault();
		byId("filter").focus();
	} else if (event.key === "Escape" && model.chosen !== null) {
		choose(model.chosen);
	}
});
hearEvents(TOPICS);
tick();
