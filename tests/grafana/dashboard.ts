// What a dashboard of ours may hold: Grafana's types, and for each kind of panel its own. check.sh compares.
import type { Dashboard, FieldConfigSource, GraphFieldConfig, Panel, RowPanel } from "@grafana/schema";
import type { Options as StatOptions } from "@grafana/schema/dist/types/raw/composable/stat/panelcfg/x/StatPanelCfg_types.gen.d.ts";

// In JSON an enum is its string or number, and what has a default may be left out.
type Json<T> = T extends string
  ? `${T}`
  : T extends number | boolean | null | undefined
    ? T
    : T extends (infer Item)[]
      ? Json<Item>[]
      : T extends object
        ? { [Key in keyof T]: Json<T[Key]> }
        : T;

type DeepPartial<T> = T extends object ? { [Key in keyof T]?: DeepPartial<T[Key]> } : T;

interface Query {
  refId: string;
  expr: string;
  legendFormat: string;
}

type Fields<Custom> = Omit<FieldConfigSource, "defaults"> & {
  defaults: Omit<FieldConfigSource["defaults"], "custom"> & { custom?: Custom };
};

type PanelOf<Type extends string, Options, Custom> = Omit<Panel, "type" | "options" | "targets" | "fieldConfig"> &
  Required<Pick<Panel, "id" | "title" | "datasource" | "gridPos">> & {
    type: Type;
    options?: DeepPartial<Options>;
    fieldConfig: Fields<Custom>;
    targets: Query[];
  };

type TallyPanel = RowPanel | PanelOf<"timeseries", never, GraphFieldConfig> | PanelOf<"stat", StatOptions, never>;

export type TallyDashboard = Json<
  Omit<Partial<Dashboard>, "panels"> & Required<Pick<Dashboard, "uid" | "title">> & { panels: TallyPanel[] }
>;
