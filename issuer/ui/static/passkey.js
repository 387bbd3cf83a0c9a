// The passkey ceremony: the one thing on these pages that needs a script. A form with data-passkey holds the options; its
// button runs the ceremony, puts the answer into the form, and posts it like any other form.
"use strict";

(() => {
	const form = document.querySelector("form[data-passkey]");
	if (!form || !window.PublicKeyCredential) {
		return; // the form stays hidden, and everything else works without it
	}
	const button = form.querySelector("button");
	const alert = form.querySelector("[role=alert]");
	const verb = form.dataset.passkey; // "get" or "create"
	let waiting; // ends the ceremony that waits in the user name field

	const toBytes = (text) => {
		const binary = atob(text.replaceAll("-", "+").replaceAll("_", "/"));
		return Uint8Array.from(binary, (c) => c.charCodeAt(0)).buffer;
	};
	const toText = (buffer) => {
		const binary = Array.from(new Uint8Array(buffer), (b) => String.fromCharCode(b)).join("");
		return btoa(binary).replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");
	};
	const withBytes = (list) => (list || []).map((c) => ({ ...c, id: toBytes(c.id) }));

	// options as the browser wants them: each base64url text as bytes.
	const options = () => {
		const parsed = JSON.parse(form.dataset.options);
		const o = { ...(parsed.publicKey || parsed) };
		o.challenge = toBytes(o.challenge);
		if (verb === "create") {
			o.user = { ...o.user, id: toBytes(o.user.id) };
			o.excludeCredentials = withBytes(o.excludeCredentials);
		} else {
			o.allowCredentials = withBytes(o.allowCredentials);
		}
		return o;
	};

	// answer is the credential as JSON, each buffer as base64url text.
	const answer = (credential) => {
		const from = credential.response;
		const response = { clientDataJSON: toText(from.clientDataJSON) };
		for (const name of ["attestationObject", "authenticatorData", "signature", "userHandle"]) {
			if (from[name]) {
				response[name] = toText(from[name]);
			}
		}
		if (from.getTransports) {
			response.transports = from.getTransports();
		}
		return JSON.stringify({
			id: credential.id,
			rawId: toText(credential.rawId),
			type: credential.type,
			authenticatorAttachment: credential.authenticatorAttachment || undefined,
			clientExtensionResults: credential.getClientExtensionResults(),
			response,
		});
	};

	const send = (credential) => {
		form.elements.response.value = answer(credential);
		form.submit();
	};

	form.addEventListener("submit", async (event) => {
		event.preventDefault();
		waiting?.abort();
		alert.hidden = true;
		button.disabled = true;
		try {
			send(await navigator.credentials[verb]({ publicKey: options() }));
		} catch {
			button.disabled = false; // broken off, or no passkey here: the person may try again
			button.focus();
			alert.hidden = false;
		}
	});

	// Where the browser can, it offers passkeys in the user name field as well.
	const offerInField = async () => {
		if (verb !== "get" || !document.querySelector('[autocomplete~="webauthn"]')) {
			return;
		}
		if (!(await PublicKeyCredential.isConditionalMediationAvailable?.())) {
			return;
		}
		waiting = new AbortController();
		try {
			send(await navigator.credentials.get({ publicKey: options(), mediation: "conditional", signal: waiting.signal }));
		} catch {
			// ended by the button, or nothing was chosen: the page goes on as it is
		}
	};

	form.hidden = false;
	offerInField();
})();
