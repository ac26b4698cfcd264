//! The table of error codes: one row a kind of refusal, with its HTTP status and Chinese title.

/// A kind of refusal. `name` is stable and goes into the problem's `type`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Code {
    pub name: &'static str,
    pub status: u16,
    pub title: &'static str,
}

macro_rules! codes {
    ($($constant:ident = $name:literal $status:literal $title:literal;)*) => {
        $(pub const $constant: Code = Code { name: $name, status: $status, title: $title };)*
        /// All codes, for documentation and tests.
        pub const ALL: &[Code] = &[$($constant),*];
    };
}

codes! {
    BAD_REQUEST = "bad-request" 400 "请求无法理解";
    BAD_FILTER = "bad-filter" 400 "筛选条件有误";
    BAD_CURSOR = "bad-cursor" 400 "翻页标记无效";
    UNAUTHENTICATED = "unauthenticated" 401 "请先登录";
    FORBIDDEN = "forbidden" 403 "没有权限";
    PURPOSE_REQUIRED = "purpose-required" 403 "需要写明用途";
    APPROVAL_REQUIRED = "approval-required" 403 "需要另一人同意";
    NOT_FOUND = "not-found" 404 "没有找到";
    METHOD_NOT_ALLOWED = "method-not-allowed" 405 "不支持这种操作";
    NOT_ACCEPTABLE = "not-acceptable" 406 "不支持所要的格式";
    SLOW_REQUEST = "slow-request" 408 "请求发送过慢";
    CONFLICT = "conflict" 409 "与现有数据冲突";
    IN_USE = "in-use" 409 "仍被引用";
    TRANSITION_REFUSED = "transition-refused" 409 "当前状态不允许";
    IDEMPOTENCY_MISMATCH = "idempotency-mismatch" 422 "幂等键已用于不同的请求";
    GONE = "gone" 410 "已经删除";
    PRECONDITION_FAILED = "precondition-failed" 412 "数据已被他人修改";
    TOO_LARGE = "too-large" 413 "内容过大";
    UNSUPPORTED_MEDIA = "unsupported-media" 415 "不支持的内容类型";
    INVALID = "invalid" 422 "数据不符合要求";
    PACKAGE_REFUSED = "package-refused" 422 "包检查未通过";
    LOSS_REFUSED = "loss-refused" 409 "变更会丢失数据";
    PRECONDITION_REQUIRED = "precondition-required" 428 "需要 If-Match";
    TOO_MANY = "too-many" 429 "请求过于频繁";
    INTERNAL = "internal" 500 "系统内部错误";
    INCONSISTENT = "inconsistent" 500 "存储的数据不一致";
    BUSY = "busy" 503 "系统繁忙";
    TIMEOUT = "timeout" 504 "处理超时";
}
