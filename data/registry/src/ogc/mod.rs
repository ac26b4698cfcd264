//! OGC API Features over the records of all types: Part 1 (Core, GeoJSON, HTML, OpenAPI 3.0), Part 2 (reference systems) and
//! Part 3 (filtering with CQL2). A collection is a type, a feature a record; what a caller may not list is not there for
//! him: the questions to policy are those of `record.list` and `record.view`.
//!
//! Map: `request`: parameters and formats. `describe`: what a type's properties are. `documents`: all that describes.
//! `extent`: where collections lie.
//! `items`: the features, `write`: the same from rows. `api`: OpenAPI. `html`: the same documents for people.

mod api;
mod describe;
mod documents;
mod extent;
mod html;
mod items;
mod request;
mod write;

use std::sync::Arc;

use banyan_base::Problem;
use banyan_door::{Audit, Call, Decision, Handler, Input, Operation, Reply, Target};

use crate::Registry;
use crate::catalog::TypeInfo;
use crate::sight::{secure, secure_rows};

pub use extent::Extents;

fn target(input: &Input, verb: &str) -> Target {
    let resource = input.path.get("collection").cloned().unwrap_or_default();
    Target::records(&resource, verb)
}

const F: (&str, &str) = ("f", "格式:json 或 html");
const ITEMS_QUERY: &[(&str, &str)] = &[
    F,
    ("limit", "每页要素个数,1 到 1000"),
    ("cursor", "下一页的标记,见 next 链接"),
    ("bbox", "范围:西,南,东,北(经纬度)"),
    ("bbox-crs", "bbox 的坐标系"),
    ("datetime", "时间或时间段,如 2022-03-01/.."),
    ("filter", "CQL2 筛选条件"),
    ("filter-lang", "cql2-text 或 cql2-json"),
    ("filter-crs", "筛选条件里几何的坐标系"),
    ("sortby", "排序字段,逗号分隔,前加 - 为降序"),
    ("q", "全文检索"),
    ("crs", "返回几何的坐标系"),
];

/// The rows of OGC API Features in the door.
pub fn operations(registry: &Arc<Registry>) -> Vec<Operation> {
    let inside = |f: fn(&Registry, &mut Call<'_, '_>) -> Result<Reply, Problem>| {
        let registry = Arc::clone(registry);
        Handler::inside(move |call| f(&registry, call))
    };
    // Open: policy decides by the type, for people who have not signed in too.
    let describing = |name, title, path, handler| Operation {
        audit: Audit::None,
        open: true,
        query: &[F],
        ..Operation::read(name, title, path, handler)
    };
    let listing =
        |name, title, path, handler| describing(name, title, path, handler).on(|input| target(input, "list"));
    const COLLECTION: &str = "/ogc/collections/{collection}";
    vec![
        describing("ogc.landing", "OGC API 首页", "/ogc", inside(documents::landing)),
        // Clients that join addresses ask for it so.
        describing("ogc.root", "OGC API 首页", "/ogc/", inside(documents::landing)),
        describing(
            "ogc.conformance",
            "OGC API 符合的规范",
            "/ogc/conformance",
            inside(documents::conformance),
        ),
        describing("ogc.api", "OGC API 定义", "/ogc/api", inside(api::definition)),
        describing(
            "ogc.collections",
            "OGC 要素集列表",
            "/ogc/collections",
            inside(documents::collections),
        ),
        listing(
            "ogc.collection",
            "OGC 要素集",
            COLLECTION,
            inside(documents::collection),
        ),
        listing(
            "ogc.queryables",
            "OGC 要素集可筛选的属性",
            "/ogc/collections/{collection}/queryables",
            inside(documents::queryables),
        ),
        listing(
            "ogc.sortables",
            "OGC 要素集可排序的属性",
            "/ogc/collections/{collection}/sortables",
            inside(documents::sortables),
        ),
        listing(
            "ogc.schema",
            "OGC 要素集的结构",
            "/ogc/collections/{collection}/schema",
            inside(documents::schema),
        ),
        Operation {
            audit: Audit::Read,
            query: ITEMS_QUERY,
            ..listing(
                "ogc.items",
                "OGC 要素列表",
                "/ogc/collections/{collection}/items",
                inside(items::list),
            )
        },
        Operation {
            audit: Audit::Read,
            query: &[F, ("crs", "返回几何的坐标系")],
            ..describing(
                "ogc.item",
                "OGC 要素",
                "/ogc/collections/{collection}/items/{id}",
                inside(items::view),
            )
            .on(|input| target(input, "view"))
        },
    ]
}

/// The types the caller may list, as he sees them.
fn visible(registry: &Registry, call: &mut Call<'_, '_>) -> Result<Vec<Arc<TypeInfo>>, Problem> {
    let catalog = registry.catalog(call.tx)?;
    let mut all = Vec::new();
    for info in catalog.types.values() {
        let target = Target::records(&info.name, "list");
        if let Decision::Permit(obligations) = call.door.decide(call.cx, "ogc.items", &target)?
            && obligations.k_anonymous.is_none()
            && obligations.two_person.is_none()
        {
            all.push(secure(info, &obligations, &catalog, call.tx.dialect()));
        }
    }
    Ok(all)
}

fn collection(registry: &Registry, call: &mut Call<'_, '_>) -> Result<Arc<TypeInfo>, Problem> {
    let name = call.input.path_value("collection")?;
    let catalog = registry.catalog(call.tx)?;
    secure_rows(
        &catalog.find(name)?,
        &call.minds(catalog.generation)?,
        &catalog,
        call.tx.dialect(),
    )
}
