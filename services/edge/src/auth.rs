//! Who may use this edge, as Janus decides it (janus-api.md 2.4, from `janus.c` and `auth.c`): by a
//! secret that all clients share, by tokens that the operator's own server signs, or by either.
//!
//! A token is `EXPIRY,REALM,PLUGIN,...:SIGNATURE`: unix seconds until which it is good, the realm
//! `janus`, the plugins it is for, and the base64 of the HMAC-SHA1 of all before the colon.
//!
//! A session that was created with a token is claimed with the same one. What is kept of it to
//! compare is its keyed digest, the *proof*: it can be written down where the token must not be.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit, Mac};
use protocol::error::{JanusError, UNAUTHORIZED, UNAUTHORIZED_PLUGIN};
use protocol::request::Credentials;
use protocol::videocall::PLUGIN;
use service::Secret;
use sha1::Sha1;

/// The realm that tokens for the core API are signed for.
const REALM: &str = "janus";

/// What a client must show.
#[derive(Clone, Debug, Default)]
pub struct Auth {
    /// The secret that all clients share.
    pub api_secret: Option<Secret>,
    /// The key that tokens are signed with.
    pub token_secret: Option<Secret>,
}

impl Auth {
    /// Whether a request with these credentials is let in; with both ways configured, either is
    /// enough. `now` is in unix seconds.
    ///
    /// # Errors
    /// 403.
    pub fn check(&self, shown: &Credentials<'_>, now: u64) -> Result<(), JanusError> {
        let open = self.api_secret.is_none() && self.token_secret.is_none();
        let knows = |secret: &Secret| shown.api_secret.as_deref().is_some_and(|guess| secret.matches(guess));
        let holds = |key: &Secret| {
            shown.token.as_deref().is_some_and(|token| Token::verify(token, key, now).is_some())
        };
        match open
            || self.api_secret.as_ref().is_some_and(knows)
            || self.token_secret.as_ref().is_some_and(holds)
        {
            true => Ok(()),
            false => {
                Err(JanusError::new(UNAUTHORIZED, "Unauthorized request (wrong or missing secret/token)"))
            }
        }
    }

    /// Whether the plugin may be attached: a token, if one is shown, must be for it.
    ///
    /// # Errors
    /// 405.
    pub fn check_plugin(&self, shown: &Credentials<'_>, now: u64) -> Result<(), JanusError> {
        let (Some(key), Some(token)) = (&self.token_secret, &shown.token) else { return Ok(()) };
        match Token::verify(token, key, now).is_some_and(|token| token.plugins.contains(&PLUGIN)) {
            true => Ok(()),
            false => {
                let reason = format!("Provided token can't access plugin '{PLUGIN}'");
                Err(JanusError::new(UNAUTHORIZED_PLUGIN, reason))
            }
        }
    }
}

/// Keeps proofs apart from what tokens are signed with: whoever reads a proof has signed nothing.
const DIGEST_PREFIX: &[u8] = b"claim:";

impl Auth {
    /// What a claim is compared by: a keyed digest of the token that was shown; none where no token
    /// was, or none is wanted.
    pub fn token_digest(&self, shown: &Credentials<'_>) -> Option<String> {
        let (key, token) = (self.token_secret.as_ref()?, shown.token.as_deref()?);
        let mut mac = Hmac::<Sha1>::new_from_slice(key.reveal().as_bytes()).ok()?;
        mac.update(DIGEST_PREFIX);
        mac.update(token.as_bytes());
        Some(STANDARD.encode(mac.finalize().into_bytes()))
    }

    /// Whether a session that was created with the proof `own` may be claimed with `shown`; one that
    /// was created without may be by anybody. Takes as long for a wrong proof as for a right one.
    pub fn same_token(own: Option<&str>, shown: Option<&str>) -> bool {
        own.is_none_or(|own| shown.is_some_and(|shown| Secret::from(own).matches(shown)))
    }
}

/// A token that is good.
struct Token<'a> {
    plugins: Vec<&'a str>,
}

impl<'a> Token<'a> {
    fn verify(token: &'a str, key: &Secret, now: u64) -> Option<Self> {
        let (claims, signature) = token.split_once(':')?;
        let signature = STANDARD.decode(signature).ok()?;
        let mut mac = Hmac::<Sha1>::new_from_slice(key.reveal().as_bytes()).ok()?;
        mac.update(claims.as_bytes());
        mac.verify_slice(&signature).ok()?;
        let mut claims = claims.split(',');
        let expiry: u64 = claims.next()?.parse().ok()?;
        let realm = claims.next()?;
        (now <= expiry && realm == REALM).then(|| Self { plugins: claims.collect() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Signed by a real Janus' own rule with the key `hmackey` (janus-api.md 2.4).
    const SAMPLE: &str = "1795333128,janus,janus.plugin.videocall:H1OmW9xNJkej1FfrpHBftmkb040=";
    const BEFORE: u64 = 1_795_333_128;

    fn sign(claims: &str) -> String {
        let mut mac = Hmac::<Sha1>::new_from_slice(b"hmackey").unwrap();
        mac.update(claims.as_bytes());
        format!("{claims}:{}", STANDARD.encode(mac.finalize().into_bytes()))
    }

    fn shown<'a>(api_secret: Option<&'a str>, token: Option<&'a str>) -> Credentials<'a> {
        Credentials { api_secret: api_secret.map(Into::into), token: token.map(Into::into) }
    }

    fn access(api_secret: Option<&str>, token_secret: Option<&str>) -> Auth {
        let secret = |text: Option<&str>| text.map(|text| text.parse().unwrap());
        Auth { api_secret: secret(api_secret), token_secret: secret(token_secret) }
    }

    #[test]
    fn without_secrets_everybody_is_let_in() {
        assert_eq!(access(None, None).check(&shown(None, None), BEFORE), Ok(()));
        assert_eq!(access(None, None).check_plugin(&shown(None, Some("nonsense")), BEFORE), Ok(()));
    }

    #[test]
    fn either_of_two_ways_is_enough() {
        let both = access(Some("open"), Some("hmackey"));
        let let_in = |secret, token| both.check(&shown(secret, token), BEFORE).is_ok();
        assert!(let_in(Some("open"), None) && let_in(None, Some(SAMPLE)));
        assert!(let_in(Some("wrong"), Some(SAMPLE)) && let_in(Some("open"), Some("wrong")));
        assert!(!let_in(None, None) && !let_in(Some("wrong"), Some("wrong")) && !let_in(Some(""), None));
    }

    #[test]
    fn a_token_is_good_until_it_expires() {
        let tokens = access(None, Some("hmackey"));
        assert!(tokens.check(&shown(None, Some(SAMPLE)), BEFORE).is_ok());
        let late = tokens.check(&shown(None, Some(SAMPLE)), BEFORE + 1).unwrap_err();
        assert_eq!(
            (late.code, late.reason.as_str()),
            (403, "Unauthorized request (wrong or missing secret/token)")
        );
    }

    #[test]
    fn a_token_is_for_its_realm_and_signature() {
        let tokens = access(None, Some("hmackey"));
        let good = |token: &str| tokens.check(&shown(None, Some(token)), BEFORE).is_ok();
        assert!(good(&sign("9999999999,janus")));
        for bad in ["", ":", "9999999999,janus", "9999999999,janus:", "9999999999,janus:%%%"] {
            assert!(!good(bad), "{bad}");
        }
        assert!(!good(&sign("9999999999,other,janus.plugin.videocall")));
        assert!(!good(&sign("-1,janus")) && !good(&sign("soon,janus")) && !good(&sign("")));
        assert!(!good(&SAMPLE.replace("videocall", "echotest")));
    }

    #[test]
    fn a_session_is_claimed_with_the_token_it_was_created_with() {
        let tokens = access(None, Some("hmackey"));
        let proof = |token| tokens.token_digest(&shown(Some("open"), token));
        let own = proof(Some(SAMPLE));
        assert!(Auth::same_token(own.as_deref(), proof(Some(SAMPLE)).as_deref()));
        let other = sign("9999999999,janus,janus.plugin.videocall");
        assert!(!Auth::same_token(own.as_deref(), proof(Some(&other)).as_deref()));
        assert!(!Auth::same_token(own.as_deref(), proof(None).as_deref()));
        assert!(!Auth::same_token(
            own.as_deref(),
            access(None, Some("")).token_digest(&shown(None, Some(SAMPLE))).as_deref()
        ));
        assert!(!own.unwrap().contains(SAMPLE.split_once(':').unwrap().1), "no signature");
    }

    #[test]
    fn without_a_token_anybody_may_claim() {
        assert_eq!(access(None, None).token_digest(&shown(None, Some(SAMPLE))), None);
        assert_eq!(access(Some("open"), Some("hmackey")).token_digest(&shown(Some("open"), None)), None);
        assert!(Auth::same_token(None, Some("x")) && Auth::same_token(None, None));
    }

    #[test]
    fn a_token_must_name_the_plugin_even_beside_a_right_secret() {
        let both = access(Some("open"), Some("hmackey"));
        let other = sign("9999999999,janus,janus.plugin.echotest");
        assert!(both.check_plugin(&shown(Some("open"), Some(SAMPLE)), BEFORE).is_ok());
        assert!(both.check_plugin(&shown(Some("open"), None), BEFORE).is_ok());
        let refused = both.check_plugin(&shown(Some("open"), Some(&other)), BEFORE).unwrap_err();
        assert_eq!(refused.reason, "Provided token can't access plugin 'janus.plugin.videocall'");
    }
}
