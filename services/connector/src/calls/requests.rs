//! Requests to Janus, the dispatch of its replies, and what follows when no reply comes.

use super::action::Action;
use super::end::SETUP_REFUSED;
use super::janus_state::{ClientRequest, JANUS_TIMEOUT, Pending};
use super::machine::Calls;
use super::proxy_calls::NAME_TAKEN;
use super::takeover::NO_CALL;
use crate::breaker::outcomes::SetupFailure;
use crate::janus::message::{JanusId, PluginData, ToJanus};
use bus::message::{CallEvent, Change, ClientEvent, LegRef};
use common::{CallId, ErrorLog, warn_failure};
use protocol::hangup::HangupCause;
use protocol::videocall::PluginRequest;
use protocol::{Raw, Side};
use serde_json::value::RawValue;

static SETTING_UP: ErrorLog = ErrorLog::new("setting calls up on Janus");
static WAITING: ErrorLog = ErrorLog::new("waiting for replies of Janus");

impl Calls {
    /// Sends a request that Janus must reply to, in the session of its call.
    pub(super) fn send_request(&mut self, pending: Pending, request: ToJanus<'_>) {
        let session_id = self.calls.get(&pending.leg().call).and_then(|call| call.session);
        let transaction = self.transactions.next_id();
        let credentials = &self.config.credentials;
        let request =
            ToJanus { transaction: transaction.clone(), session_id, ..request.with_credentials(credentials) };
        self.out.push(Action::SendToJanus(request.to_json()));
        self.transactions.insert(transaction, pending, self.now);
    }

    pub(super) fn send_plugin_request(
        &mut self,
        pending: Pending,
        handle: JanusId,
        body: Raw,
        jsep: Option<&RawValue>,
    ) {
        let handle_id = Some(handle);
        let request = ToJanus { janus: "message", handle_id, body: Some(body), jsep, ..ToJanus::default() };
        self.send_request(pending, request);
    }

    /// Sends a request whose reply is ignored.
    pub(super) fn send_oneway(&mut self, session: Option<JanusId>, request: ToJanus<'_>) {
        let transaction = self.transactions.next_id();
        let credentials = &self.config.credentials;
        let request = ToJanus { transaction, session_id: session, ..request.with_credentials(credentials) };
        self.out.push(Action::SendToJanus(request.to_json()));
    }

    pub(super) fn detach(&mut self, session: Option<JanusId>, handle: JanusId) {
        self.send_oneway(session, ToJanus { janus: "detach", handle_id: Some(handle), ..ToJanus::default() });
    }

    /// Handles the plugin event that replies to a request.
    pub(super) fn on_reply(&mut self, pending: Pending, data: Raw, jsep: Option<Raw>) {
        let PluginData { event, error, .. } = PluginData::read(&data);
        let (is_error, is_busy) = (event.is_empty(), event == "hangup");
        match pending {
            Pending::Register(leg) if !is_error => self.on_registered(leg),
            Pending::Call(leg) if !is_error && !is_busy => {
                SETTING_UP.succeeded();
                self.on_calling(leg.call, data)
            }
            Pending::Call(leg) if self.fails_for_plugin_error(leg.call, error) => {}
            Pending::Call(leg) => self.on_call_refused(leg.call, data, error),
            Pending::Check(leg) if error == Some(NO_CALL) => self.end_missing_leg(leg),
            Pending::Check(_) => {}
            Pending::Barrier(leg) => self.on_barrier(leg.call),
            Pending::Register(leg) if error == Some(NAME_TAKEN) && self.retry_register(leg.call) => {}
            Pending::Register(leg) | Pending::Attach(leg) => {
                self.record_refusal(leg.call, error, &data);
                let backend = &self.config.backend;
                warn_failure!(SETTING_UP, %backend, call = %leg.call, %data, "Janus refused to register a leg");
                self.fail_setup(leg, SetupFailure::Register(error.unwrap_or_default()));
            }
            Pending::Request(request) => {
                let is_accepted = request.verb == PluginRequest::Accept && !is_error;
                self.reply_to_client(request, data, jsep, is_accepted.then_some(Change::Answered));
            }
        }
    }

    /// Handles the core error that replies to a request.
    pub(super) fn on_janus_error(&mut self, transaction: &str, code: u16, reason: String) {
        match self.transactions.complete(transaction) {
            Some(Pending::Call(leg)) if self.fails_for_core_error(leg.call, code) => {}
            Some(Pending::Call(leg)) => self.refuse_core(leg.call, code, reason),
            Some(Pending::Check(leg)) => self.end_missing_leg(leg),
            Some(Pending::Barrier(leg)) => self.on_barrier(leg.call),
            Some(Pending::Request(request)) => {
                let to_event =
                    |own_transaction| ClientEvent::Error { transaction: own_transaction, code, reason };
                let event = request.transaction.clone().map(to_event);
                self.complete_request(request, event, None);
            }
            Some(pending @ (Pending::Attach(_) | Pending::Register(_))) => {
                let (backend, leg, error) = (&self.config.backend, pending.leg(), i64::from(code));
                warn_failure!(SETTING_UP, %backend, call = %leg.call, code, reason, "Janus refused a leg");
                self.fail_setup(
                    leg,
                    match pending {
                        Pending::Attach(_) => SetupFailure::Attach(error),
                        _ => SetupFailure::Register(error),
                    },
                );
            }
            None => {}
        }
    }

    /// Janus refused what this connector needs for a call: another backend takes the call, or it ends.
    fn fail_setup(&mut self, leg: LegRef, failure: SetupFailure) {
        if !self.fail_attempt(leg.call, failure) {
            self.fail(leg.call, HangupCause::MediaServer(SETUP_REFUSED.to_owned()));
        }
    }

    /// Sends a client the reply to its request. Replayed settings have no transaction and get none.
    pub(super) fn reply_to_client(
        &mut self,
        request: ClientRequest,
        data: Raw,
        jsep: Option<Raw>,
        change: Option<Change>,
    ) {
        let transaction = request.transaction.clone();
        let event =
            transaction.map(|transaction| ClientEvent::Plugin { transaction: Some(transaction), data, jsep });
        self.complete_request(request, event, change);
    }

    fn complete_request(
        &mut self,
        request: ClientRequest,
        event: Option<ClientEvent>,
        change: Option<Change>,
    ) {
        let ClientRequest { leg, request, ack, .. } = request;
        let is_answered = change == Some(Change::Answered);
        if let Some(event) = event {
            self.send_to_client(leg, Some(request), change, event);
        }
        if is_answered {
            self.on_call_answered(leg.call);
        }
        let Some(call) = self.calls.get_mut(&leg.call) else { return };
        call.leg_mut(leg.side).mark_answered(request);
        call.acks.push(ack);
        self.save(leg.call);
    }

    /// The callee has accepted: candidates that were held for that are sent.
    pub(super) fn on_call_answered(&mut self, id: CallId) {
        let Some(call) = self.calls.get_mut(&id) else { return };
        if !std::mem::replace(&mut call.answered, true) {
            let record = call.log_record(&self.config.backend, CallEvent::Answered, None);
            self.out.push(Action::Log(record));
        }
        self.report_success(id);
        for side in [Side::Caller, Side::Callee] {
            self.send_held_candidates(LegRef { call: id, side });
        }
    }

    /// Ends the calls for which Janus has not replied in time.
    pub(super) fn expire_transactions(&mut self) {
        while let Some((expired_at, pending)) = self.transactions.pop_expired(self.now) {
            let waited = self.now - expired_at + JANUS_TIMEOUT;
            let (backend, call) = (&self.config.backend, pending.leg().call);
            warn_failure!(WAITING, %backend, %call, ?pending, ?waited, "no reply from Janus, giving up its call here");
            let is_of_client = matches!(pending, Pending::Request(_) | Pending::Check(_));
            let leg = if is_of_client { pending.leg() } else { LegRef { call, side: Side::Caller } };
            self.report_failure(leg, SetupFailure::NoReply);
            // Janus may not have understood what the client sent; then no other one does.
            let is_of_connector = matches!(pending, Pending::Attach(_) | Pending::Register(_));
            if !(is_of_connector && self.try_elsewhere(call)) {
                self.fail(call, HangupCause::MediaServer("The media server does not answer".to_owned()));
            }
        }
    }
}
