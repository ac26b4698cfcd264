import { Button, Space } from "antd";
import { useState } from "react";
import { useTranslation } from "react-i18next";

/** Cursors of the pages before this one; a new question starts at the first page. */
export function useTrail(question: string) {
  const [trail, setTrail] = useState<{ question: string; cursors: string[] }>({ question, cursors: [] });
  const cursors = trail.question === question ? trail.cursors : [];
  return {
    cursor: cursors.at(-1),
    first: cursors.length === 0,
    back: () => setTrail({ question, cursors: cursors.slice(0, -1) }),
    on: (next: string) => setTrail({ question, cursors: [...cursors, next] }),
  };
}

export function Pager({ trail, next }: { trail: ReturnType<typeof useTrail>; next?: string | null }) {
  const { t } = useTranslation();
  if (trail.first && !next) return null;
  return (
    <Space className="pager">
      <Button disabled={trail.first} onClick={trail.back}>
        {t("list.previous")}
      </Button>
      <Button disabled={!next} onClick={() => next && trail.on(next)}>
        {t("list.next")}
      </Button>
    </Space>
  );
}
