"""The codes that the invented patients carry; most of their drugs are the everyday ones of a ward."""

from __future__ import annotations

from typing import NamedTuple

RXNORM = "http://www.nlm.nih.gov/research/umls/rxnorm"
ATC = "http://www.whocc.no/atc"
SNOMED = "http://snomed.info/sct"
LOINC = "http://loinc.org"
UCUM = "http://unitsofmeasure.org"
CVX = "http://hl7.org/fhir/sid/cvx"


class Code(NamedTuple):
    system: str
    code: str
    display: str


class Drug(NamedTuple):
    """A drug with the dose that an order of it names."""

    code: Code
    dose: float
    unit: str


class Test(NamedTuple):
    """A laboratory test or vital sign, with the range in which its values are drawn."""

    code: Code
    low: float
    high: float
    unit: str
    category: str = "laboratory"


METHOTREXATE = Drug(Code(RXNORM, "105585", "methotrexate 2.5 MG Oral Tablet"), 15, "mg")
AZATHIOPRINE = Drug(Code(RXNORM, "197388", "azathioprine 50 MG Oral Tablet"), 100, "mg")
MYCOPHENOLATE = Drug(Code(RXNORM, "200060", "mycophenolate mofetil 500 MG Oral Tablet"), 1000, "mg")
ALLOPURINOL = Drug(Code(RXNORM, "197319", "allopurinol 100 MG Oral Tablet"), 100, "mg")
TACROLIMUS = Drug(Code(RXNORM, "198377", "tacrolimus 1 MG Oral Capsule"), 1, "mg")
CICLOSPORIN = Drug(Code(RXNORM, "328160", "cyclosporine 100 MG Oral Capsule"), 100, "mg")

PREDNISOLONE = Drug(Code(RXNORM, "198142", "prednisolone 5 MG Oral Tablet"), 10, "mg")

CONCERNED = (
    PREDNISOLONE,
    Drug(Code(ATC, "M05BA04", "alendronic acid"), 10, "mg"),
    Drug(Code(ATC, "A12AA04", "calcium carbonate"), 1250, "mg"),
    Drug(Code(ATC, "A11CC05", "colecalciferol"), 800, "[IU]"),
)
IMMUNOSUPPRESSANTS = (METHOTREXATE, AZATHIOPRINE, MYCOPHENOLATE, ALLOPURINOL, TACROLIMUS, CICLOSPORIN, PREDNISOLONE)
OTHER_DRUGS = (
    Drug(Code(RXNORM, "206765", "lisinopril 10 MG Oral Tablet [Prinivil]"), 10, "mg"),
    Drug(Code(RXNORM, "313988", "Furosemide 40 MG Oral Tablet"), 40, "mg"),
    Drug(Code(RXNORM, "198223", "Spironolactone 50 MG Oral Tablet"), 50, "mg"),
    Drug(Code(RXNORM, "854868", "Rabeprazole sodium 20 MG Delayed Release Oral Tablet"), 20, "mg"),
    Drug(Code(RXNORM, "197604", "Digoxin 0.125 MG Oral Tablet"), 0.125, "mg"),
    Drug(Code(RXNORM, "855332", "Warfarin Sodium 5 MG Oral Tablet"), 5, "mg"),
    Drug(Code(RXNORM, "308047", "Alprazolam 0.25mg Oral Tablet"), 0.25, "mg"),
    Drug(Code(RXNORM, "1049621", "Oxycodone Hydrochloride 5 MG Oral Tablet"), 5, "mg"),
    Drug(Code(ATC, "N02BE01", "paracetamol"), 1000, "mg"),
    Drug(Code(ATC, "B01AC06", "acetylsalicylic acid"), 80, "mg"),
    Drug(Code(ATC, "C10AA01", "simvastatin"), 40, "mg"),
    Drug(Code(ATC, "L02BG03", "anastrozole"), 1, "mg"),
)
CONDITIONS = (
    Code(SNOMED, "396230008", "Dermatomyositis"),
    Code(SNOMED, "59621000", "Essential hypertension"),
    Code(SNOMED, "90560007", "Gout"),
    Code(SNOMED, "44054006", "Diabetes mellitus type 2 (disorder)"),
    Code(SNOMED, "49436004", "Atrial fibrillation (disorder)"),
    Code(SNOMED, "13200003", "Peptic ulcer"),
    Code(SNOMED, "40055000", "Chronic sinusitis (disorder)"),
    Code(SNOMED, "195662009", "Acute viral pharyngitis (disorder)"),
    Code(SNOMED, "444814009", "Viral sinusitis (disorder)"),
    Code(SNOMED, "271737000", "Anemia (disorder)"),
)
TESTS = (
    Test(Code(LOINC, "2157-6", "Creatine kinase [Enzymatic activity/volume] in Serum or Plasma"), 60, 4000, "U/L"),
    Test(Code(LOINC, "2160-0", "Creatinine [Mass/volume] in Serum or Plasma"), 0.6, 1.2, "mg/dL"),
    Test(
        Code(LOINC, "1742-6", "Alanine aminotransferase [Enzymatic activity/volume] in Serum or Plasma"), 10, 40, "U/L"
    ),
    Test(
        Code(LOINC, "1920-8", "Aspartate aminotransferase [Enzymatic activity/volume] in Serum or Plasma"),
        10,
        40,
        "U/L",
    ),
    Test(Code(LOINC, "6690-2", "Leukocytes [#/volume] in Blood by Automated count"), 4.5, 11, "10*3/uL"),
    Test(Code(LOINC, "751-8", "Neutrophils [#/volume] in Blood by Automated count"), 2.5, 7.5, "10*3/uL"),
    Test(Code(LOINC, "777-3", "Platelets [#/volume] in Blood by Automated count"), 150, 400, "10*3/uL"),
    Test(Code(LOINC, "718-7", "Hemoglobin [Mass/volume] in Blood"), 12, 16, "g/dL"),
    Test(Code(LOINC, "1988-5", "C reactive protein [Mass/volume] in Serum or Plasma"), 1, 60, "mg/L"),
    Test(Code(LOINC, "2823-3", "Potassium [Moles/volume] in Serum or Plasma"), 3.6, 5, "mmol/L"),
    Test(Code(LOINC, "29463-7", "Body weight"), 60, 90, "kg", "vital-signs"),
    Test(Code(LOINC, "8480-6", "Systolic blood pressure"), 105, 150, "mm[Hg]", "vital-signs"),
    Test(Code(LOINC, "10535-3", "Digoxin [Mass/volume] in Serum or Plasma"), 0.5, 2, "ng/mL"),
)
ALLERGIES = (
    Code(SNOMED, "764146007", "Substance with penicillin structure (substance)"),
    Code(SNOMED, "294365005", "Allergy to fluconazole (finding)"),
)
PROCEDURES = (
    Code(SNOMED, "169069000", "Computed tomography of chest"),
    Code(SNOMED, "52734007", "Total hip replacement"),
    Code(SNOMED, "86273004", "Biopsy"),
    Code(SNOMED, "312681000", "Bone density scan (procedure)"),
)
VACCINES = (
    Code(CVX, "140", "Influenza, seasonal, injectable, preservative free"),
    Code(CVX, "208", "COVID-19, mRNA, LNP-S, PF, 30 mcg/0.3 mL dose"),
    Code(CVX, "33", "pneumococcal polysaccharide vaccine, 23 valent"),
)
ORAL = Code(SNOMED, "26643006", "Oral route (qualifier value)")
