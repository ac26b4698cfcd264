import { useQuery } from "@tanstack/react-query";
import { Link, lazyRouteComponent } from "@tanstack/react-router";
import { Card, Col, Row, Tag } from "antd";
import { useTranslation } from "react-i18next";
import { packages, session } from "../api/queries";
import type { Word } from "../api/types";
import { tr } from "../i18n";
import { Failure, Loading } from "./States";

const WORDS: Word[] = ["data", "service", "governance", "collaboration", "decision"];

export function Home() {
  const me = useQuery(session);
  if (me.data?.kind === "citizen") return <IdentityPage />;
  return <Systems name={me.data?.name ?? ""} />;
}

const IdentityPage = lazyRouteComponent(() => import("../people/IdentityPage"), "IdentityPage");

function Systems({ name }: { name: string }) {
  const { t } = useTranslation();
  const all = useQuery(packages);
  if (all.isPending) return <Loading />;
  if (all.isError) return <Failure error={all.error} retry={() => void all.refetch()} />;
  return (
    <>
      <h1>{t("hello", { name })}</h1>
      <p className="muted">{t("helloLead")}</p>
      {WORDS.map((word) => {
        const own = all.data.items.filter((one) => one.word === word);
        return (
          <section key={word} className="word" aria-labelledby={`word-${word}`}>
            <h2 id={`word-${word}`}>
              {t(`words.${word}`)} <small className="muted">{t(`wordsAbout.${word}`)}</small>
            </h2>
            {own.length === 0 && <p className="muted">{t("noPackageOfWord")}</p>}
            <Row gutter={[16, 16]}>
              {own.map((one) => (
                <Col key={one.id} xs={24} sm={12} xl={8}>
                  <Link to="/p/$pkg" params={{ pkg: one.id }} className="card-link">
                    <Card
                      hoverable
                      title={tr(one.title)}
                      extra={one.clause && <Tag>{t("clause", { clause: one.clause })}</Tag>}
                    >
                      <p>{tr(one.summary)}</p>
                      <p className="muted small">
                        {one.owner} · {t("version", { version: one.version })}
                      </p>
                    </Card>
                  </Link>
                </Col>
              ))}
            </Row>
          </section>
        );
      })}
    </>
  );
}
